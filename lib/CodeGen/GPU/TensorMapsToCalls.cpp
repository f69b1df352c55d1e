//===- TensorMapsToCalls.cpp - Tensor maps by the runtime -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt_gpu.tensor_map of buffers of the device, on the host.
// Output: calls of qfmtGpuTensorMap.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_TENSORMAPSTOCALLS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// lib/Runtime/GPU/Mgpu.h; numbers are those of cuTensorMapEncodeTiled.
constexpr llvm::StringLiteral kFunction = "qfmtGpuTensorMap";
constexpr int64_t kRank = 2, kUInt8 = 0, kSwizzle128 = 3, kPromotion128 = 2;

func::FuncOp declareFunction(ModuleOp module) {
  if (auto known = module.lookupSymbol<func::FuncOp>(kFunction))
    return known;
  auto b = OpBuilder::atBlockBegin(module.getBody());
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type number = b.getI64Type();
  auto declared =
      func::FuncOp::create(b, module.getLoc(), kFunction,
                           b.getFunctionType({pointer, number, number, pointer,
                                              pointer, pointer, number, number},
                                             {pointer}));
  declared.setPrivate();
  return declared;
}

class MapCall {
public:
  explicit MapCall(kernel::TensorMapOp op)
      : op(op), b(op.getLoc(), op),
        pointer(LLVM::LLVMPointerType::get(op.getContext())) {}

  void emit(func::FuncOp function) {
    (void)op.getMatrix().getType().getStridesAndOffset(strides, offset);
    Value sizes = makeArray({getSize(0), getSize(1)});
    Value pitches = makeArray({number(strides[0])});
    Value box = makeArray({number(op.getBox()[0]), number(op.getBox()[1])});
    Value map = func::CallOp::create(b, function,
                                     ValueRange{getAddress(), number(kRank),
                                                number(kUInt8), sizes, pitches,
                                                box, number(kSwizzle128),
                                                number(kPromotion128)})
                    .getResult(0);
    op.replaceAllUsesWith(
        LLVM::PtrToIntOp::create(b, b.getI64Type(), map).getResult());
    op.erase();
  }

private:
  Value number(int64_t value) {
    return arith::ConstantIntOp::create(b, value, 64);
  }

  Value getSize(int64_t dim) {
    Value size = memref::DimOp::create(b, op.getMatrix(), dim);
    return arith::IndexCastOp::create(b, b.getI64Type(), size);
  }

  Value getAddress() {
    Value begin =
        memref::ExtractAlignedPointerAsIndexOp::create(b, op.getMatrix());
    Value address = arith::IndexCastOp::create(b, b.getI64Type(), begin);
    // Of bytes.
    address = arith::AddIOp::create(b, address, number(offset));
    return LLVM::IntToPtrOp::create(b, pointer, address);
  }

  /// On the stack, once for each call of the function.
  Value makeArray(ArrayRef<Value> values) {
    Value memory;
    {
      OpBuilder::InsertionGuard guard(b);
      auto function = op->getParentOfType<func::FuncOp>();
      b.setInsertionPointToStart(&function.front());
      memory = LLVM::AllocaOp::create(b, pointer, b.getI64Type(),
                                      number(values.size()));
    }
    for (auto [i, value] : llvm::enumerate(values)) {
      Value place = LLVM::GEPOp::create(b, pointer, b.getI64Type(), memory,
                                        ArrayRef<LLVM::GEPArg>{int32_t(i)});
      LLVM::StoreOp::create(b, value, place);
    }
    return memory;
  }

  kernel::TensorMapOp op;
  ImplicitLocOpBuilder b;
  Type pointer;
  SmallVector<int64_t> strides;
  int64_t offset = 0;
};

struct TensorMapsToCallsPass
    : impl::TensorMapsToCallsBase<TensorMapsToCallsPass> {
  void runOnOperation() override {
    SmallVector<kernel::TensorMapOp> maps;
    getOperation().walk([&](kernel::TensorMapOp op) { maps.push_back(op); });
    for (kernel::TensorMapOp op : maps)
      MapCall(op).emit(declareFunction(getOperation()));
  }
};

} // namespace
} // namespace mlir::qfmt
