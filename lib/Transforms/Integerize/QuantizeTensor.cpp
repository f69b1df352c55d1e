// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qfmt.quantize on integers: one rescaling, the zero point, a clamp where ranges
// do not prove it superfluous.

#include "LinalgRewriter.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::qfmt;

/// True if the codes of `value` are those of `result` as they stand.
static bool hasCodesOf(const TensorModel &value, const TensorModel &result,
                       Type storage) {
  return value.kind == TensorModel::Kind::Integer &&
         value.scale == result.scale && value.zeroPoint == result.zeroPoint &&
         value.isUnsigned == result.isUnsigned &&
         getElementTypeOrSelf(value.payload.getType()) == storage &&
         value.range.lo >= result.range.lo && value.range.hi <= result.range.hi;
}

FailureOr<TensorModel> mlir::qfmt::quantizeTensor(
    const TensorModel &value, ScaledAttr format, RoundingMode rounding,
    OpBuilder &builder, Location loc, IntegerizeCounts &counts) {
  RankedTensorType type = value.realType;
  NumberFormat number = format.getNumberFormat();
  TensorModel result;
  result.kind = TensorModel::Kind::Integer;
  result.realType = type;
  result.isUnsigned = number.getLowest() == 0;
  result.zeroPoint = *format.getStaticZeroPoint();
  result.scale = Table(*format.getStaticScale(type.getElementType()));
  int64_t lowest = number.getLowest(), largest = number.getLargest();
  result.range = {lowest - result.zeroPoint, largest - result.zeroPoint};

  if (hasCodesOf(value, result, number.getStorageType())) {
    result.payload = value.payload;
    return result;
  }

  BodyBuilder body(builder, loc, type.getShape());
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  FailureOr<ScalarModel> scaled;
  if (value.kind == TensorModel::Kind::Integer)
    scaled = body.rescale(body.load(value, identity, value.scale),
                          result.scale, rounding);
  else if (value.kind == TensorModel::Kind::Constant)
    scaled = body.quantize(value.constant, result.scale);
  else
    return emitError(loc) << "quantizes a tensor without a value";
  if (failed(scaled))
    return failure();

  IntegerRange range = scaled->range +
                       IntegerRange{result.zeroPoint, result.zeroPoint};
  std::optional<unsigned> width =
      body.chooseWidth(range.hull({lowest, largest}));
  if (!width)
    return emitError(loc) << "a code before clamping needs more than 64 bits";
  OpBuilder &inner = body.getBuilder();
  Value code = body.cast(scaled->value, *width);
  if (result.zeroPoint != 0)
    code = arith::AddIOp::create(inner, loc, code,
                                 body.constant(result.zeroPoint, *width));
  if (range.lo < lowest)
    code = arith::MaxSIOp::create(inner, loc, code,
                                  body.constant(lowest, *width));
  if (range.hi > largest)
    code = arith::MinSIOp::create(inner, loc, code,
                                  body.constant(largest, *width));
  code = body.cast(code, number.getFormatWidth());
  body.addOutput(tensor::EmptyOp::create(builder, loc, type.getShape(),
                                         number.getStorageType()),
                 identity);
  counts.rescales += body.getNumRescales();
  ++counts.rewritten;
  result.payload = body.finish(SmallVector<utils::IteratorType>(
                                   type.getRank(),
                                   utils::IteratorType::parallel),
                               code)
                       .getResult(0);
  return result;
}
