// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stochastic rounding (spec C36): codes below and above a quotient, and a
// choice between them by the hash of the element's number.

#include "qfmt/Support/Stochastic.h"
#include "Emitter.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;

//===----------------------------------------------------------------------===//
// Random numbers
//===----------------------------------------------------------------------===//

/// Hash32::apply of an i32.
static Value emitHash(ScalarBuilder &b, Value x) {
  auto mixDown = [&](unsigned shift) {
    x = b.apply<arith::XOrIOp>(x, b.apply<arith::ShRUIOp>(x, shift));
  };
  mixDown(Hash32::kShifts[0]);
  for (unsigned round : {0, 1}) {
    x = b.apply<arith::MulIOp>(x, int32_t(Hash32::kMultipliers[round]));
    mixDown(Hash32::kShifts[round + 1]);
  }
  return x;
}

/// getStochasticThreshold of an element's number, an index; `fits` in 32 bits.
static Value emitThreshold(ScalarBuilder &b, StochasticKey key, Value number,
                           bool fits) {
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  Value low = b.createOrFold<arith::IndexCastOp>(i32, number);
  Value second = b.integer(i32, int32_t(key.second));
  if (!fits) {
    Value wide = b.createOrFold<arith::IndexCastOp>(i64, number);
    Value high =
        b.createOrFold<arith::TruncIOp>(i32, b.apply<arith::ShRUIOp>(wide, 32));
    high = b.apply<arith::MulIOp>(high, int32_t(StochasticKey::kGolden));
    second = b.apply<arith::AddIOp>(second, high);
  }
  Value bits = emitHash(b, b.apply<arith::AddIOp>(low, int32_t(key.first)));
  bits = emitHash(b, b.apply<arith::XOrIOp>(bits, second));
  Type f64 = b.getF64Type();
  return b.apply<arith::MulFOp>(b.createOrFold<arith::UIToFPOp>(f64, bits),
                                b.constant(f64, 0x1p-32));
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

/// One of the two neighbours of a quotient, f64. NaNs compare false.
Value ScaledEmitter::emitStochasticCode(ScalarBuilder &b, Value quotient,
                                        Value threshold, Value zeroPoint,
                                        const EncodeModes &modes) {
  FloatType f64 = builder.getF64Type();
  NumberFormat number = scaled.getNumberFormat();
  auto encode = [&](RoundingMode rounding) {
    EncodeModes directed = modes;
    directed.rounding = rounding;
    return format.emitEncode(b, loc, quotient, directed, zeroPoint);
  };
  Value below = encode(RoundingMode::Floor), above = encode(RoundingMode::Ceil);
  Value distance;
  if (number.hasIntegerCodes() || number.canWrap()) {
    double unit =
        number.hasIntegerCodes() ? 1.0 : std::fabs(number.decodeCode(1));
    Value steps = b.apply<arith::DivFOp>(quotient, b.constant(f64, unit));
    distance =
        b.apply<arith::SubFOp>(steps, b.createOrFold<math::FloorOp>(steps));
  } else {
    auto decode = [&](Value code) {
      return b.extend(format.emitDecode(b, loc, code), f64);
    };
    Value low = decode(below);
    distance =
        b.apply<arith::DivFOp>(b.apply<arith::SubFOp>(quotient, low),
                               b.apply<arith::SubFOp>(decode(above), low));
  }
  Value goesUp =
      b.createOrFold<arith::CmpFOp>(CmpFPredicate::OGT, distance, threshold);
  return b.select(goesUp, above, below);
}

FailureOr<Value> ScaledEmitter::emitStochasticCodes(
    Value elements, Value reals, const ExactRange &range,
    const BlockParameters &parameters, const TensorEncodeModes &modes) {
  const BlockNumber &scale = parameters.scale;
  const BlockNumber &zeroPoint = parameters.zeroPoint;
  FloatType f64 = builder.getF64Type();
  EncodeModes element = getElementModes(modes);
  for (RoundingMode rounding : {RoundingMode::Floor, RoundingMode::Ceil}) {
    element.rounding = rounding;
    if (failed(format.verify(element, [&] { return emitError(loc); })))
      return failure();
  }
  // An exact quotient is rounded to f64.
  QuotientPlan plan{f64, Quotient::Nearest};
  if (modes.division == Division::Rounded) {
    FailureOr<QuotientPlan> rounded = planQuotient(scale, range, modes);
    if (failed(rounded))
      return failure();
    plan = *rounded;
  } else if (!scale.range.fits(f64)) {
    return emitInexact("the quotient");
  }
  StochasticKey key = StochasticKey::get(*modes.seed);
  SmallVector<Value> strides = loops.createStrides(builder, loc, reals);
  auto shape = cast<RankedTensorType>(reals.getType());
  bool fits = shape.hasStaticShape() && shape.getNumElements() <= int64_t(1)
                                                                      << 32;
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value quotient = emitElementQuotient(b, values[0], scale, values[1], plan,
                                         modes.division);
    Value threshold =
        emitThreshold(b, key, loops.emitElementNumber(b, strides), fits);
    return emitStochasticCode(b, b.extend(quotient, f64), threshold,
                              readZeroPoint(b, zeroPoint, values[2]), element);
  };
  Type code = getCodeType(scaled.getNumberFormat().getStorageType());
  return emitElementwise(builder, loc, loops, elements, {scale, zeroPoint},
                         code, body);
}
