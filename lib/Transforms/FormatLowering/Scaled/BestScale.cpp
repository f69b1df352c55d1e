// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// scale_rule = mse (spec C24): the scale with the smallest squared error. The
// candidates are tried one after the other, so that no more memory is needed
// than one error and one scale a block.

#include "Emitter.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;

/// Candidates are k/64 of the scale of absmax, from the first k to the last.
static constexpr int kFirstCandidate = 80, kLastCandidate = 16;

FailureOr<Value>
ScaledEmitter::emitSquaredErrors(Value elements, const ExactRange &range,
                                 const BlockParameters &parameters,
                                 const TensorEncodeModes &modes) {
  const BlockNumber &scale = parameters.scale;
  const BlockNumber &zeroPoint = parameters.zeroPoint;
  FailureOr<QuotientPlan> plan = planQuotient(scale, range, modes);
  if (failed(plan))
    return failure();
  FloatType f64 = builder.getF64Type();
  EncodeModes element = getElementModes(modes);
  auto body = [&](ScalarBuilder &b, ValueRange values) -> Value {
    Value quotient = emitElementQuotient(b, values[0], scale, values[1], *plan,
                                         modes.division);
    Value code = format.emitEncode(b, loc, quotient, element,
                                   readZeroPoint(b, zeroPoint, values[2]));
    Value decoded = b.extend(format.emitDecode(b, loc, code), f64);
    if (!zeroPoint.is(0))
      decoded =
          b.apply<arith::SubFOp>(decoded, zeroPoint.read(b, values[2], f64));
    decoded = b.apply<arith::MulFOp>(decoded, scale.read(b, values[1], f64));
    Value x = b.extend(emitRead(b, values[0]), f64);
    Value difference = b.apply<arith::SubFOp>(x, decoded);
    Value square = b.apply<arith::MulFOp>(difference, difference);
    Value isFinite = b.compare(CmpFPredicate::OLT,
                               b.createOrFold<math::AbsFOp>(x), INFINITY);
    return b.select(isFinite, b.apply<arith::AddFOp>(values[3], square),
                    values[3]);
  };
  return emitBlockReduction(builder, loc, loops, elements, {scale, zeroPoint},
                            builder.getF64FloatAttr(0.0), body);
}

/// The ideal scales of the best candidates.
FailureOr<Value> ScaledEmitter::emitBestScales(Value elements,
                                               const ExactRange &range,
                                               const TensorEncodeModes &modes) {
  FloatType f64 = builder.getF64Type();
  double target = scaled.getNumberFormat().getScaleTarget();
  // That of k = 64, which stays if no error is finite.
  Value whole =
      emitMap(builder, loc, emitAbsMax(elements), f64,
              [&](ScalarBuilder &b, ValueRange values) {
                return b.apply<arith::DivFOp>(b.extend(values[0], f64),
                                              b.constant(f64, target));
              });
  Value noError = emitMap(builder, loc, whole, f64,
                          [&](ScalarBuilder &b, ValueRange) -> Value {
                            return b.constant(f64, INFINITY);
                          });
  auto makeIndex = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  bool isValid = true;
  auto buildTrial = [&](OpBuilder &nested, Location loc, Value step,
                        ValueRange best) {
    ScaledEmitter trial(nested, loc, type);
    FailureOr<SmallVector<Value>> better =
        trial.emitTrial(elements, range, modes, whole, step, best);
    isValid &= succeeded(better);
    scf::YieldOp::create(nested, loc,
                         succeeded(better) ? ValueRange(*better) : best);
  };
  auto loop =
      scf::ForOp::create(builder, loc, makeIndex(0),
                         makeIndex(kFirstCandidate - kLastCandidate + 1),
                         makeIndex(1), ValueRange{whole, noError}, buildTrial);
  if (!isValid)
    return failure();
  return loop.getResult(0);
}

/// One candidate: `best` are ideal scales and errors so far; those after it.
FailureOr<SmallVector<Value>>
ScaledEmitter::emitTrial(Value elements, const ExactRange &range,
                         const TensorEncodeModes &modes, Value whole,
                         Value step, ValueRange best) {
  FloatType f64 = builder.getF64Type();
  ScalarBuilder scalar(builder, loc);
  Value k = scalar.createOrFold<arith::SIToFPOp>(
      f64, scalar.createOrFold<arith::IndexCastOp>(scalar.getI64Type(), step));
  Value factor = scalar.apply<arith::MulFOp>(
      scalar.apply<arith::SubFOp>(scalar.constant(f64, kFirstCandidate), k),
      scalar.constant(f64, 1.0 / 64));
  Value ideal = emitMap(builder, loc, whole, f64,
                        [&](ScalarBuilder &b, ValueRange values) {
                          return b.apply<arith::MulFOp>(values[0], factor);
                        });
  BlockParameters parameters{emitTrialScales(ideal),
                             BlockNumber::get(*scaled.getStaticZeroPoint())};
  FailureOr<Value> errors =
      emitSquaredErrors(elements, range, parameters, modes);
  if (failed(errors))
    return failure();
  auto emitBetter = [&](Value candidate, Value before) {
    return emitMap(builder, loc, {*errors, best[1], candidate, before}, f64,
                   [](ScalarBuilder &b, ValueRange values) {
                     Value isBetter = b.createOrFold<arith::CmpFOp>(
                         CmpFPredicate::OLT, values[0], values[1]);
                     return b.select(isBetter, values[2], values[3]);
                   });
  };
  return SmallVector<Value>{emitBetter(ideal, best[0]),
                            emitBetter(*errors, best[1])};
}
