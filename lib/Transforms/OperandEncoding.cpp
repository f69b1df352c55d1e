// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "OperandEncoding.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

Value OperandEncoding::quantize(OpBuilder &builder, Value real) const {
  auto logical = cast<RankedTensorType>(real.getType());
  auto type = EncodedTensorType::get(logical, master ? master : format);
  auto op = QuantizeOp::create(builder, real.getLoc(), type.getType(), real);
  op.setScaleRule(scaleRule);
  op.setRounding(rounding);
  if (!master)
    return op.getResult();
  auto split = ConstituentsOp::create(builder, real.getLoc(), op.getResult());
  Value scales = split.getResults()[1];
  auto step = DenseElementsAttr::get(cast<ShapedType>(scales.getType()),
                                     float(getMasterStep()));
  Value constant = arith::ConstantOp::create(builder, real.getLoc(), step);
  Value wide = arith::MulFOp::create(builder, real.getLoc(), scales, constant);
  return roundMaster(builder, op.getResult(), wide);
}

/// The bits of the integers of an encoding.
static unsigned getWidth(TensorFormat encoding) {
  Type element = encoding.getElementFormats().front();
  return cast<NumberFormat>(element).getFormatWidth();
}

double OperandEncoding::getMasterStep() const {
  return std::ldexp(1.0, getWidth(master) - getWidth(format));
}

Value OperandEncoding::roundMaster(OpBuilder &builder, Value real,
                                   Value scales) const {
  RankedTensorType logical =
      EncodedTensorType::get(real.getType()).getLogicalType();
  auto op = ConvertOp::create(builder, real.getLoc(),
                              EncodedTensorType::get(logical, format).getType(),
                              real);
  op.getGivenMutable().assign(scales);
  return op.getResult();
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

/// That of a preset or an encoding; null for what has neither.
static OperandEncoding getNamedEncoding(const OperandFormat &format,
                                        linalg::LinalgOp op,
                                        OpOperand &operand) {
  OperandEncoding encoding{format.encoding};
  if (format.preset)
    encoding = getPresetEncoding(*format.preset, op, operand);
  encoding.scaleRule = format.getScaleRule();
  return encoding;
}

OperandEncoding mlir::qfmt::getWeightEncoding(const OperandFormat &format,
                                              const WeightedSum &sum) {
  if (!format.number)
    return getNamedEncoding(format, sum.op, *sum.weights);
  SmallVector<int64_t> block(sum.values.getRank(), ScaledAttr::kWhole);
  for (WeightedSum::Channel channel : sum.channels)
    block[channel.weightDim] = 1;
  MLIRContext *context = sum.op->getContext();
  auto getScaled = [&](NumberFormat number) {
    return cast<TensorFormat>(static_cast<Attribute>(ScaledAttr::get(
        context, number, block, TypeAttr::get(Float32Type::get(context)))));
  };
  OperandEncoding encoding{getScaled(format.number)};
  encoding.scaleRule = format.getScaleRule();
  if (format.master)
    encoding.master = getScaled(format.master);
  return encoding;
}

OperandEncoding mlir::qfmt::getDataEncoding(const OperandFormat &format,
                                            linalg::LinalgOp op,
                                            OpOperand &operand) {
  return format.number ? OperandEncoding()
                       : getNamedEncoding(format, op, operand);
}
