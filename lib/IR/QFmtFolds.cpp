// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folders. None changes a number.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Support/Dyadic.h"

using namespace mlir;
using namespace mlir::qfmt;

/// Only dyadic_scale folds to a constant: an integer.
Operation *QFmtDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                            Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

/// True if rounding makes every code of an integer format: none of them is
/// changed by overflow handling.
static bool makesEveryCode(NumberFormat format, OverflowMode overflow) {
  return format.hasIntegerCodes() && format.canWrap() &&
         overflow != OverflowMode::SaturateSymmetric;
}

/// quantize(dequantize(q)) is q if type and parameters say so for every code
/// k: the value fl(k * s) is within a factor 1 +- 2^-24 of k * s, so is the
/// rounded quotient of k, and |k| < 2^17 leaves a distance below 1/2. The scale
/// is kept far from the limits of f32, where k * s would not be normal. A
/// stochastic rounding sees that distance.
OpFoldResult QuantizeOp::fold(FoldAdaptor) {
  auto source = getInput().getDefiningOp<DequantizeOp>();
  if (!source || source.getInput().getType() != getResult().getType())
    return {};
  auto encoded = EncodedTensorType::get(getResult().getType());
  auto scaled = dyn_cast<ScaledAttr>(encoded.getFormat());
  Type logical = encoded.getLogicalElementType();
  if (!scaled || !scaled.isStatic() ||
      !makesEveryCode(scaled.getNumberFormat(), getOverflow()) ||
      !(logical.isF32() || logical.isF64()))
    return {};
  bool nearest = !getStochasticSeed() &&
                 getRounding() != RoundingMode::TowardZero &&
                 getRounding() != RoundingMode::Floor &&
                 getRounding() != RoundingMode::Ceil;
  double scale = *scaled.getStaticScale(logical);
  if (!nearest || scale < 0x1p-100 || scale > 0x1p+100)
    return {};
  return source.getInput();
}

/// Every code of an integer format with a static scale converts to itself, by
/// stochastic rounding, too: the quotient is exact.
OpFoldResult ConvertOp::fold(FoldAdaptor) {
  if (getInput().getType() != getResult().getType())
    return {};
  auto scaled = dyn_cast<ScaledAttr>(
      EncodedTensorType::get(getResult().getType()).getFormat());
  if (!scaled || !scaled.isStatic() ||
      !makesEveryCode(scaled.getNumberFormat(), getOverflow()))
    return {};
  return getInput();
}

/// assemble(constituents(x)) is x.
OpFoldResult AssembleOp::fold(FoldAdaptor) {
  auto source = getConstituents().front().getDefiningOp<ConstituentsOp>();
  if (!source || source.getInput().getType() != getResult().getType() ||
      !llvm::equal(source.getConstituents(), getConstituents()))
    return {};
  return source.getInput();
}

/// constituents(assemble(x...)) is x...
LogicalResult ConstituentsOp::fold(FoldAdaptor,
                                   SmallVectorImpl<OpFoldResult> &results) {
  auto source = getInput().getDefiningOp<AssembleOp>();
  if (!source)
    return failure();
  llvm::append_range(results, source.getConstituents());
  return success();
}

/// pack(unpack(b)) is b if every bit of b is one of a code: pack writes zeros
/// to the others.
OpFoldResult PackOp::fold(FoldAdaptor) {
  auto source = getCodes().getDefiningOp<UnpackOp>();
  RankedTensorType type = getCodes().getType();
  if (!source || getPacking() != CodePacking::Bits ||
      source.getPacking() != CodePacking::Bits ||
      type.getNumElements() * type.getElementTypeBitWidth() % 8 != 0)
    return {};
  return source.getBytes();
}

/// unpack(pack(c)) is c, but for a -2 in base 3.
OpFoldResult UnpackOp::fold(FoldAdaptor) {
  auto source = getBytes().getDefiningOp<PackOp>();
  if (!source || getPacking() != CodePacking::Bits ||
      source.getPacking() != CodePacking::Bits ||
      source.getCodes().getType() != getCodes().getType())
    return {};
  return source.getCodes();
}

OpFoldResult DyadicScaleOp::fold(FoldAdaptor adaptor) {
  auto acc = dyn_cast_or_null<IntegerAttr>(adaptor.getAcc());
  auto multiplier = dyn_cast_or_null<IntegerAttr>(adaptor.getMultiplier());
  auto shift = dyn_cast_or_null<IntegerAttr>(adaptor.getShift());
  auto resultType = dyn_cast<IntegerType>(getResult().getType());
  if (!acc || !multiplier || !shift || !resultType)
    return {};
  // Outside of its domain the result is poison, which stays visible.
  int64_t m = multiplier.getInt(), n = shift.getInt(), value = acc.getInt();
  if (m < 0 || m > Dyadic::kMaxMultiplier || n < 0 || n > Dyadic::kMaxShift ||
      value < -Dyadic::kMaxAccumulator || value > Dyadic::kMaxAccumulator)
    return {};
  Dyadic dyadic{static_cast<uint32_t>(m), static_cast<unsigned>(n)};
  if (getDoubleRounding() && n < 31)
    return {};
  int64_t scaled = getDoubleRounding()
                       ? applyDyadicTwice(value, dyadic)
                       : applyDyadic(value, dyadic, getRounding());
  unsigned width = resultType.getWidth();
  scaled = std::clamp(scaled, llvm::minIntN(width), llvm::maxIntN(width));
  return IntegerAttr::get(resultType, scaled);
}

/// A constant index that the table has.
OpFoldResult LookupOp::fold(FoldAdaptor adaptor) {
  auto index = dyn_cast_or_null<IntegerAttr>(adaptor.getIndex());
  auto table = cast<DenseElementsAttr>(getTable());
  if (!index || index.getValue().uge(table.getNumElements()))
    return {};
  return table.getValues<Attribute>()[index.getValue().getZExtValue()];
}
