//===- ReplaceDeviceFunctions.cpp - Kernels without AMD's libraries -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  kernels for AMD's chips after convert-gpu-to-rocdl.
// Output: the same without calls of the device libraries that come with AMD's
//         toolkit: remainders by LLVM's operation, which is exact, too. Other
//         functions that kernels do not define are errors.
//
// Serialization would look for these libraries where a function is not defined.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_REPLACEDEVICEFUNCTIONS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// Fails if nothing takes the place of `name`.
LogicalResult replaceCall(LLVM::CallOp call, StringRef name) {
  if (!name.starts_with("__ocml_fmod_"))
    return call.emitOpError()
           << "calls '" << name
           << "', and kernels for AMD's chips are made without device "
              "libraries; compute it in other operations";
  OpBuilder b(call);
  Value result = LLVM::FRemOp::create(b, call.getLoc(), call.getOperand(0),
                                      call.getOperand(1));
  call.getResult().replaceAllUsesWith(result);
  call.erase();
  return success();
}

struct ReplaceDeviceFunctionsPass
    : impl::ReplaceDeviceFunctionsBase<ReplaceDeviceFunctionsPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<std::pair<LLVM::CallOp, LLVM::LLVMFuncOp>> calls;
    getOperation()->walk([&](LLVM::CallOp call) {
      std::optional<StringRef> name = call.getCallee();
      auto callee =
          name ? symbols.lookup<LLVM::LLVMFuncOp>(*name) : LLVM::LLVMFuncOp();
      if (callee && callee.isExternal())
        calls.push_back({call, callee});
    });
    for (auto [call, callee] : calls)
      if (failed(replaceCall(call, callee.getName())))
        return signalPassFailure();
    for (auto function :
         llvm::make_early_inc_range(getOperation().getOps<LLVM::LLVMFuncOp>()))
      if (function.isExternal())
        function.erase();
  }
};

} // namespace
} // namespace mlir::qfmt
