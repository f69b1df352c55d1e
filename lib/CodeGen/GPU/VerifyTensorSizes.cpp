//===- VerifyTensorSizes.cpp - No tensor larger than indices of kernels ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  any module; its attribute qfmt_gpu.target.
// Output: the same, or an error for tensors with more elements than kernels of
//         the target can count (GpuTarget::getMaxElements).
//
// Indices of SPIR-V are signed numbers of 32 bits here, which would become
// negative without an error.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/BuiltinTypes.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_VERIFYTENSORSIZES
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// False for sizes that are not known.
bool hasMoreElements(Type type, int64_t maxElements) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped || !shaped.hasRank() || !shaped.hasStaticShape() ||
      llvm::is_contained(shaped.getShape(), 0))
    return false;
  int64_t elements = 1;
  for (int64_t size : shaped.getShape())
    if (llvm::MulOverflow(elements, size, elements))
      return true;
  return elements > maxElements;
}

/// Of `op` and of arguments of its regions.
LogicalResult verifySizes(Operation *op, int64_t maxElements) {
  SmallVector<Type> types(op->getResultTypes());
  for (Region &region : op->getRegions())
    for (Block &block : region)
      llvm::append_range(types, block.getArgumentTypes());
  for (Type type : types)
    if (hasMoreElements(type, maxElements))
      return emitError(op->getLoc())
             << "'" << op->getName() << "' has a tensor of type " << type
             << "; kernels of the target count elements in 32 bits and take at "
                "most "
             << maxElements
             << " of them: divide it into parts, or choose another target";
  return success();
}

struct VerifyTensorSizesPass
    : impl::VerifyTensorSizesBase<VerifyTensorSizesPass> {
  void runOnOperation() override {
    std::optional<GpuTarget> target = GpuTarget::get(getOperation());
    std::optional<int64_t> most =
        target ? target->getMaxElements() : std::nullopt;
    if (!most)
      return;
    WalkResult result = getOperation()->walk([&](Operation *op) {
      return failed(verifySizes(op, *most)) ? WalkResult::interrupt()
                                            : WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::qfmt
