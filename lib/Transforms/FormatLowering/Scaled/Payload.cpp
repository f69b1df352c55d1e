// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quotients x / s and the codes of the payload that they become.

#include "Emitter.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::qfmt;

/// How x / s is computed (and, if rounded, from which type it is rounded to the
/// logical one).
FailureOr<QuotientPlan>
ScaledEmitter::planQuotient(const BlockNumber &scale, const ExactRange &range,
                            const TensorEncodeModes &modes) const {
  // Division of two numbers of the logical type rounds once.
  bool isRounded = modes.division == Division::Rounded;
  if (isRounded && (logical.isF32() || logical.isF64()) &&
      scale.range.fits(logical))
    return QuotientPlan{logical, isInvertiblePower(scale.range, logical)
                                     ? Quotient::ByPower
                                     : Quotient::Nearest};
  QuotientPlan plan{builder.getF64Type(), Quotient::Nearest};
  if (scale.is(1))
    return plan;
  unsigned precision;
  if (isRounded) {
    precision = ExactRange::of(logical).bits;
    plan.quotient =
        chooseQuotient(precision, ExactRange::of(logical), scale.range, kIEEE);
  } else {
    int smallestScale = scale.tensor ? scale.range.low : scale.range.high - 1;
    CodeEmitter::QuotientNeeds needs =
        format.getQuotientNeeds(modes.element, range.high - smallestScale);
    EncodeModes element = modes.element;
    // Directed modes step at 0, too.
    if (needs.stepsAtZero)
      element.rounding = RoundingMode::Ceil;
    precision = needs.bits;
    plan.quotient = chooseQuotient(precision, range, scale.range, element);
  }
  if (!scale.range.fits(plan.type) || plan.quotient == Quotient::Impossible)
    return emitInexact("the quotient");
  // The reciprocal of a scale pays if neighbours in memory have it in common.
  if (plan.quotient == Quotient::Nearest && scale.tensor &&
      loops.sharesInnermost() &&
      allowsReciprocal(precision, isRounded ? ExactRange::of(logical) : range,
                       scale.range))
    plan.quotient = Quotient::ByReciprocal;
  return plan;
}

/// A quotient in the type of `plan` as the operation says: rounded to the
/// logical type or not.
Value ScaledEmitter::emitRoundQuotient(ScalarBuilder &b, Value quotient,
                                       Division division) const {
  if (division == Division::Exact || quotient.getType() == logical)
    return quotient;
  return emitRead(b, emitRoundTo(b, quotient, logical));
}

/// What is rounded to a code: x / s as `plan` says, and rounded to the logical
/// type if the operation says so. `s` is the scale's element, if it has one.
Value ScaledEmitter::emitElementQuotient(ScalarBuilder &b, Value element,
                                         const BlockNumber &scale, Value s,
                                         const QuotientPlan &plan,
                                         Division division) const {
  Value x = emitRead(b, element);
  if (scale.is(1))
    return x;
  x = emitQuotient(b, b.extend(x, plan.type), scale.read(b, s, plan.type),
                   plan.quotient);
  return emitRoundQuotient(b, x, division);
}

/// The same with `values` of the block's divisor.
Value ScaledEmitter::emitElementQuotient(ScalarBuilder &b, Value element,
                                         const Divisor &divisor,
                                         ValueRange values,
                                         const QuotientPlan &plan,
                                         Division division) const {
  if (divisor.isScale)
    return emitElementQuotient(b, element, divisor.numbers[0], values[0], plan,
                               division);
  Value x = b.extend(emitRead(b, element), plan.type);
  x = plan.quotient == Quotient::ByPower
          ? b.apply<arith::MulFOp>(x, values[0])
          : emitQuotient(b, x, Reciprocal{values[0], values[1]});
  return emitRoundQuotient(b, x, division);
}

/// What to divide the elements of a block by, on the grid where that pays.
ScaledEmitter::Divisor
ScaledEmitter::prepareDivisor(const BlockNumber &scale,
                              const QuotientPlan &plan) const {
  using Values = SmallVector<Value>;
  auto emitGrids =
      [&](unsigned count,
          function_ref<Values(ScalarBuilder &, Value)> compute) -> Divisor {
    Values tensors = emitMaps(
        builder, loc, scale.tensor, SmallVector<Type>(count, plan.type),
        [&](ScalarBuilder &b, ValueRange values) {
          return compute(b, scale.read(b, values[0], plan.type));
        });
    Divisor divisor{/*isScale=*/false, {}};
    for (auto [number, tensor] : llvm::zip(divisor.numbers, tensors))
      number = {0, tensor, CodeEmitter(), scale.range};
    return divisor;
  };
  bool isDecoded = !scale.format || getElementTypeOrSelf(scale.tensor).isF32();
  if (!scale.tensor || !loops.sharesInnermost())
    return {true, {scale, BlockNumber()}};
  switch (plan.quotient) {
  case Quotient::ByPower:
    return emitGrids(1, [&](ScalarBuilder &b, Value s) -> Values {
      return {b.apply<arith::DivFOp>(b.constant(plan.type, 1.0), s)};
    });
  case Quotient::ByReciprocal:
    return emitGrids(2, [](ScalarBuilder &b, Value s) -> Values {
      Reciprocal reciprocal = emitReciprocal(b, s);
      return {reciprocal.nearest, reciprocal.rest};
    });
  default:
    break;
  }
  if (isDecoded)
    return {true, {scale, BlockNumber()}};
  Divisor decoded =
      emitGrids(1, [](ScalarBuilder &, Value s) -> Values { return {s}; });
  decoded.isScale = true;
  return decoded;
}

EncodeModes ScaledEmitter::getElementModes(const TensorEncodeModes &modes) {
  EncodeModes element = modes.element;
  element.zeroPointPlace = modes.division == Division::Rounded
                               ? ZeroPointPlace::AfterRounding
                               : ZeroPointPlace::BeforeRounding;
  return element;
}

Value ScaledEmitter::emitCodes(Value elements,
                               const BlockParameters &parameters,
                               const QuotientPlan &plan,
                               const TensorEncodeModes &modes) {
  const BlockNumber &zeroPoint = parameters.zeroPoint;
  EncodeModes element = getElementModes(modes);
  Divisor divisor = prepareDivisor(parameters.scale, plan);
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value quotient = emitElementQuotient(
        b, values[0], divisor, values.slice(1, 2), plan, modes.division);
    return emitCode(b, quotient, element,
                    readZeroPoint(b, zeroPoint, values[3]));
  };
  Type code = getCodeType(scaled.getNumberFormat().getStorageType());
  return emitElementwise(builder, loc, loops, elements,
                         {divisor.numbers[0], divisor.numbers[1], zeroPoint},
                         code, body);
}

FailureOr<Value> ScaledEmitter::emitPayload(Value elements, Value reals,
                                            const ExactRange &range,
                                            const BlockParameters &parameters,
                                            const TensorEncodeModes &modes) {
  if (modes.seed)
    return emitStochasticCodes(elements, reals, range, parameters, modes);
  FailureOr<QuotientPlan> plan = planQuotient(parameters.scale, range, modes);
  if (failed(plan))
    return failure();
  return emitCodes(elements, parameters, *plan, modes);
}
