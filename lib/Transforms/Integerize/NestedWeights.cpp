// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "NestedWeights.h"
#include "LinalgRewriter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/Support/Integer.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

/// The scales over the dimensions of the weights in which they vary; none if
/// they are not the one constituent that is given, or no constant.
static std::optional<Table> readScales(ConvertOp op) {
  Attribute attribute;
  if (op.getGiven().size() != 1 ||
      !matchPattern(op.getGiven().front(), m_Constant(&attribute)))
    return std::nullopt;
  std::optional<std::vector<double>> scales = readFloats(attribute);
  if (!scales)
    return std::nullopt;
  auto grid = cast<RankedTensorType>(op.getGiven().front().getType());
  return makeConstantModel(grid, *scales).constant;
}

/// n if the ratio is 2^n, 1 <= n <= 15; else none.
static std::optional<unsigned> getShift(std::optional<double> ratio) {
  for (unsigned shift = 1; shift <= 15; ++shift)
    if (ratio && *ratio == std::ldexp(1.0, shift))
      return shift;
  return std::nullopt;
}

/// clamp(round(code / 2^shift)) of one code, half to even.
static Value emitShift(OpBuilder &builder, Location loc, Value code,
                       unsigned shift, const IntegerRange &range, Type result) {
  // One bit more than any master, so that the sum does not overflow.
  Type wide = builder.getI32Type();
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getIntegerAttr(wide, value));
  };
  Value value = arith::ExtSIOp::create(builder, loc, wide, code);
  // floor((w + 2^(n - 1) - 1 + bit) / 2^n), bit the last one of floor(w / 2^n):
  // a tie goes up if that is odd.
  Value floor = arith::ShRSIOp::create(builder, loc, value, constant(shift));
  Value odd = arith::AndIOp::create(builder, loc, floor, constant(1));
  Value sum = arith::AddIOp::create(builder, loc, value,
                                    constant((int64_t(1) << (shift - 1)) - 1));
  sum = arith::AddIOp::create(builder, loc, sum, odd);
  Value rounded = arith::ShRSIOp::create(builder, loc, sum, constant(shift));
  rounded = arith::MinSIOp::create(builder, loc, rounded, constant(range.hi));
  rounded = arith::MaxSIOp::create(builder, loc, rounded, constant(range.lo));
  return arith::TruncIOp::create(builder, loc, result, rounded);
}

FailureOr<TensorModel> mlir::qfmt::roundWeights(ConvertOp op,
                                                const TensorModel &master,
                                                OpBuilder &builder) {
  auto encoded = EncodedTensorType::get(op.getResult().getType());
  auto scaled = dyn_cast<ScaledAttr>(encoded.getFormat());
  std::optional<Table> scales = readScales(op);
  bool isPlain = scaled && scaled.getNumberFormat().hasIntegerCodes() &&
                 scaled.getNumberFormat().getLowest() < 0 &&
                 scaled.getStaticZeroPoint() == 0 && scales &&
                 master.kind == TensorModel::Kind::Integer &&
                 !master.isUnsigned && master.zeroPoint == 0 &&
                 op.getRounding() == RoundingMode::HalfEven &&
                 op.getOverflow() == OverflowMode::Saturate;
  std::optional<unsigned> shift;
  if (isPlain)
    shift = getShift((*scales / master.scale).getUniform());
  if (!shift)
    return op.emitOpError()
           << "has given scales, which have an integer rule only where "
              "integers are rounded half to even to fewer bits, with constant "
              "scales that are 2 to 2^15 times those of the input";
  NumberFormat number = scaled.getNumberFormat();
  IntegerRange range = {static_cast<int64_t>(number.getLowest()),
                        static_cast<int64_t>(number.getLargest())};
  TensorModel model = master;
  model.scale = *scales;
  model.realType = encoded.getLogicalType();

  auto storage = cast<RankedTensorType>(encoded.getConstituentTypes().front());
  Location loc = op.getLoc();
  Value empty = tensor::EmptyOp::create(builder, loc, storage.getShape(),
                                        storage.getElementType());
  unsigned rank = storage.getRank();
  SmallVector<AffineMap> maps(2, builder.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      builder, loc, storage, master.payload, empty, maps, loops,
      [&](OpBuilder &inner, Location loc, ValueRange arguments) {
        Value code = emitShift(inner, loc, arguments[0], *shift, range,
                               storage.getElementType());
        linalg::YieldOp::create(inner, loc, code);
      });
  model.payload = generic.getResult(0);
  // Rounding is monotone.
  auto round = [&](int64_t code) {
    double quotient = std::nearbyint(std::ldexp(double(code), -int(*shift)));
    return std::clamp(static_cast<int64_t>(quotient), int64_t(range.lo),
                      int64_t(range.hi));
  };
  model.range = {round(master.range.lo), round(master.range.hi)};
  return model;
}
