// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "OperandEncoding.h"

using namespace mlir;
using namespace mlir::qfmt;

QuantizeOp OperandEncoding::quantize(OpBuilder &builder, Value real) const {
  auto type =
      EncodedTensorType::get(cast<RankedTensorType>(real.getType()), format);
  auto op = QuantizeOp::create(builder, real.getLoc(), type.getType(), real);
  op.setScaleRule(scaleRule);
  op.setRounding(rounding);
  return op;
}

namespace {
/// Which loops index one dimension of an operand.
enum class IndexedBy {
  /// No loop of a reduction.
  Results,
  /// Loops of both kinds, as a window that slides.
  Both,
  /// Loops of reductions alone.
  Reductions
};
} // namespace

static IndexedBy classify(AffineExpr index,
                          ArrayRef<utils::IteratorType> iterators) {
  bool byReductions = false, byOthers = false;
  index.walk([&](AffineExpr expr) {
    if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
      bool isReduction =
          iterators[loop.getPosition()] == utils::IteratorType::reduction;
      (isReduction ? byReductions : byOthers) = true;
    }
  });
  if (!byReductions)
    return IndexedBy::Results;
  return byOthers ? IndexedBy::Both : IndexedBy::Reductions;
}

OperandEncoding mlir::qfmt::getPresetEncoding(const Preset &preset,
                                              linalg::LinalgOp op,
                                              OpOperand &operand) {
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  SmallVector<IndexedBy> dims;
  for (AffineExpr index : op.getMatchingIndexingMap(&operand).getResults())
    dims.push_back(classify(index, iterators));
  IndexedBy row = IndexedBy::Reductions;
  if (!llvm::is_contained(dims, row))
    row = IndexedBy::Both;

  auto type = cast<RankedTensorType>(operand.get().getType());
  SmallVector<bool> isRow;
  int64_t axis = -1;
  for (auto [dim, indexed] : llvm::enumerate(dims)) {
    isRow.push_back(indexed == row);
    if (indexed == row &&
        (axis < 0 || type.getDimSize(dim) >= type.getDimSize(axis)))
      axis = dim;
  }
  if (axis < 0)
    return {};
  return {preset.getFormat(op->getContext(), isRow, axis), preset.scaleRule,
          preset.rounding};
}

OperandEncoding mlir::qfmt::getWeightEncoding(const OperandFormat &format,
                                              const WeightedSum &sum) {
  if (format.preset)
    return getPresetEncoding(*format.preset, sum.op, *sum.weights);
  if (!format.number)
    return {format.encoding};
  SmallVector<int64_t> block(sum.values.getRank(), ScaledAttr::kWhole);
  for (WeightedSum::Channel channel : sum.channels)
    block[channel.weightDim] = 1;
  MLIRContext *context = sum.op->getContext();
  return {cast<TensorFormat>(static_cast<Attribute>(
      ScaledAttr::get(context, format.number, block,
                      TypeAttr::get(Float32Type::get(context)))))};
}

OperandEncoding mlir::qfmt::getDataEncoding(const OperandFormat &format,
                                            linalg::LinalgOp op,
                                            OpOperand &operand) {
  if (format.preset)
    return getPresetEncoding(*format.preset, op, operand);
  return {format.encoding};
}
