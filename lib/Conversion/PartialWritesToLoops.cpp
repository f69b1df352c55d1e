//===- PartialWritesToLoops.cpp - Results that are written in part --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  linalg operations on tensors, none of them encoded.
// Output: the same, but each operation that is left writes all of its results.
//
// A result keeps the initial values of the elements that its operation does not
// write. Upstream asks the body alone whether initial values are read: where it
// does not, element-wise fusion puts an empty tensor in their place,
// bufferization new memory, and canonicalization replaces a copy between equal
// maps by its source. So this pass comes before all of them.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/Conversion/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_PARTIALWRITESTOLOOPS
#include "qfmt/Conversion/Passes.h.inc"

namespace {

/// True if `map`, of loops that all run, surely takes every index of a tensor
/// of `shape`: where there is more than one, by a loop of its own.
bool reachesAll(AffineMap map, ArrayRef<int64_t> shape) {
  llvm::SmallBitVector used(map.getNumDims());
  for (auto [expr, size] : llvm::zip_equal(map.getResults(), shape)) {
    if (size == 1)
      continue;
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || used.test(dim.getPosition()))
      return false;
    used.set(dim.getPosition());
  }
  return true;
}

/// True if there may be elements for which the loops that `map` does not use
/// never run.
bool mayRunNever(linalg::LinalgOp op, AffineMap map) {
  for (auto [dim, size] : llvm::enumerate(op.getStaticLoopRanges()))
    if (!map.isFunctionOfDim(dim) && (ShapedType::isDynamic(size) || size == 0))
      return true;
  return false;
}

/// The first initial value of which elements may be left; null if none is.
OpOperand *findKept(linalg::LinalgOp op) {
  for (OpOperand &init : op.getDpsInitsMutable()) {
    AffineMap map = op.getMatchingIndexingMap(&init);
    // A reduction reads what it may keep, and nobody takes that away. Other
    // bodies may be folded until they do not read it any more.
    if (!reachesAll(map, op.getShape(&init)) ||
        (mayRunNever(op, map) && !op.payloadUsesValueFromOperand(&init)))
      return &init;
  }
  return nullptr;
}

/// Where `operand` is accessed when the loops are at `point`.
SmallVector<Value> getIndices(OpBuilder &b, linalg::LinalgOp op,
                              OpOperand &operand, ValueRange point) {
  return getValueOrCreateConstantIndexOp(
      b, op.getLoc(),
      affine::makeComposedFoldedMultiResultAffineApply(
          b, op.getLoc(), op.getMatchingIndexingMap(&operand),
          getAsOpFoldResult(point)));
}

/// The body for one point: `targets`, which were the initial values, with what
/// it yields.
SmallVector<Value> writePoint(OpBuilder &b, linalg::LinalgOp op,
                              ValueRange point, ValueRange targets) {
  Location loc = op.getLoc();
  SmallVector<Value> tensors = op.getDpsInputs();
  llvm::append_range(tensors, targets);
  IRMapping values;
  for (auto [argument, operand, tensor] :
       llvm::zip(op.getBlock()->getArguments(), op->getOpOperands(), tensors))
    values.map(argument,
               op.isScalar(&operand)
                   ? tensor
                   : tensor::ExtractOp::create(
                         b, loc, tensor, getIndices(b, op, operand, point)));
  op.getBlock()->walk([&](linalg::IndexOp index) {
    if (index->getParentOfType<linalg::LinalgOp>() != op)
      return;
    index.replaceAllUsesWith(point[index.getDim()]);
    index.erase();
  });
  for (Operation &inner : op.getBlock()->without_terminator())
    b.clone(inner, values);
  SmallVector<Value> written;
  for (auto [yielded, init, target] :
       llvm::zip_equal(op.getBlock()->getTerminator()->getOperands(),
                       op.getDpsInitsMutable(), targets))
    written.push_back(
        tensor::InsertOp::create(b, loc, values.lookupOrDefault(yielded),
                                 target, getIndices(b, op, init, point)));
  return written;
}

/// The loops in the order of the operation's own, which decides where two
/// points write the same element.
void writeAsLoops(linalg::LinalgOp op) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  SmallVector<Value> lower, upper, steps;
  for (Range range : op.createLoopRanges(builder, loc)) {
    lower.push_back(
        getValueOrCreateConstantIndexOp(builder, loc, range.offset));
    upper.push_back(getValueOrCreateConstantIndexOp(builder, loc, range.size));
    steps.push_back(
        getValueOrCreateConstantIndexOp(builder, loc, range.stride));
  }
  scf::LoopNest nest = scf::buildLoopNest(
      builder, loc, lower, upper, steps, op.getDpsInits(),
      [&](OpBuilder &b, Location, ValueRange point, ValueRange targets) {
        return writePoint(b, op, point, targets);
      });
  op->replaceAllUsesWith(nest.results);
  op.erase();
}

LogicalResult refusePartialWrite(linalg::LinalgOp op, OpOperand &init) {
  return op.emitOpError()
         << "may leave elements of operand " << init.getOperandNumber()
         << ", of " << init.get().getType() << ", as they are: it writes at "
         << AffineMapAttr::get(op.getMatchingIndexingMap(&init))
         << ", and no kernel is made that keeps others; write every element, "
            "with the old one from `outs` where there is no new one, or place "
            "what is new with tensor.insert_slice";
}

struct PartialWritesToLoopsPass
    : impl::PartialWritesToLoopsBase<PartialWritesToLoopsPass> {
  using PartialWritesToLoopsBase::PartialWritesToLoopsBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> partial;
    getOperation()->walk([&](linalg::LinalgOp op) {
      OpOperand *kept = op.hasPureTensorSemantics() ? findKept(op) : nullptr;
      if (!kept)
        return;
      partial.push_back(op);
      if (refuse && failed(refusePartialWrite(op, *kept)))
        signalPassFailure();
    });
    if (!refuse)
      llvm::for_each(partial, writeAsLoops);
  }
};

} // namespace
} // namespace mlir::qfmt
