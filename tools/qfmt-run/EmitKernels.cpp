// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EmitKernels.h"
#include "Arrays.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;
using namespace mlir::qfmt;

namespace {

/// Keeps the bytes of each gpu.binary that passes by.
struct KeepBinaries : PassWrapper<KeepBinaries, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(KeepBinaries)

  explicit KeepBinaries(std::string &bytes) : bytes(bytes) {}

  void runOnOperation() override {
    for (auto binary : getOperation().getOps<gpu::BinaryOp>())
      for (auto object : binary.getObjects().getAsRange<gpu::ObjectAttr>())
        bytes += object.getObject().getValue();
  }

  std::string &bytes;
};

} // namespace

LogicalResult mlir::qfmt::emitKernels(ModuleOp module, const Options &options) {
  std::string bytes;
  CompileOptions compile = getCompileOptions(options);
  compile.lowering = [&, lower = compile.lowering](OpPassManager &pm) {
    lower(pm);
    pm.addPass(std::make_unique<KeepBinaries>(bytes));
  };
  if (failed(generateLLVMIR(module, compile)))
    return failure();
  if (bytes.empty())
    return error("'" + options.entry +
                 "' has no kernels: nothing in it computes on tensors");
  // PTX ends with a zero, which the driver wants and a file does not.
  StringRef text = StringRef(bytes).rtrim('\0');
  if (options.gpu != Device::Cuda && options.gpu != Device::Rocm)
    text = bytes;
  OutputFiles files;
  if (failed(files.write(options.output,
                         [&](llvm::raw_ostream &os) { os << text; })))
    return failure();
  files.keep();
  return success();
}
