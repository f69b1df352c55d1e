//===- IntegerReciprocal.cpp - 1/x, 1/sqrt(x) and sqrt(x) in integers -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A seed from a polynomial with a relative error of at most 2^-16, one Newton
// step in integers, which squares it. The bounds are derived beside the steps.
//
//===----------------------------------------------------------------------===//

#include "qfmt/Support/IntegerKernels.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir::qfmt;

using Builder = IntegerProgramBuilder;
using Value = IntegerProgram::Value;
using Range = IntegerProgram::Range;

static constexpr long double kSeedError = 0x1p-16L;

/// The reason if `range` is not within [least, 2^62).
static bool checkRange(Range range, int64_t least, std::string *reason) {
  bool isValid =
      range.lo >= least && range.lo <= range.hi && range.hi < int64_t(1) << 62;
  if (!isValid && reason)
    *reason = "the input range must be within " + std::to_string(least) +
              " ... 2^62 - 1, it is " + std::to_string(range.lo) + " ... " +
              std::to_string(range.hi);
  return isValid;
}

long double ScaledKernel::evaluateReal(int64_t input) const {
  llvm::SmallVector<int64_t> results = program.evaluate(llvm::ArrayRef(input));
  return std::ldexp((long double)results[kMantissa], -int(results[kShift]));
}

/// m * 2^(33 - lz) <= i < (m + 1) * 2^(33 - lz), 2^30 <= m < 2^31; exact for
/// i < 2^31.
static Value emitMantissa(Builder &builder, Value input, Value leadingZeros) {
  // The leading one moves to bit 62.
  Value normalised = builder.shiftLeftInto(
      input, builder.addImmediate(leadingZeros, -1),
      {int64_t(1) << 62, std::numeric_limits<int64_t>::max()});
  return builder.shiftRightBy(normalised, 32);
}

std::optional<ScaledKernel> mlir::qfmt::buildReciprocal(Range range,
                                                        std::string *reason) {
  if (!checkRange(range, 1, reason))
    return std::nullopt;
  Builder b;
  Value input = b.addInput(range);
  Value zeros = b.leadingZeros(input);
  Value m = emitMantissa(b, input, zeros);
  // r0 ~ 2^60 / m in [2^29, 2^30].
  auto seed = approximateFunction({[](long double m) { return 0x1p60L / m; },
                                   int64_t(1) << 30, (int64_t(1) << 31) - 1,
                                   1.0, 1.0, double(0x1p29L * kSeedError)},
                                  reason);
  if (!seed)
    return std::nullopt;
  long double seedError = seed->bound / 0x1p29L;
  Value r0 = b.append(seed->program, m)[0];
  // m r0 = 2^60 (1 + epsilon), |epsilon| <= seedError, so |e| <= 2^44.
  Value e = b.subtract(b.addConstant(int64_t(1) << 60), b.multiply(m, r0));
  b.assume(e, {-(int64_t(1) << 44), int64_t(1) << 44});
  // r = 2 r0 (1 + e 2^-60): the relative error is epsilon^2.
  Value correction =
      b.roundingShiftRightBy(b.multiply(r0, b.roundingShiftRightBy(e, 14)), 45);
  Value r = b.add(b.shiftLeftBy(r0, 1), correction);
  // 2^61 / m is in (2^30, 2^31]; the upper end, at powers of two, is 1 below.
  r = b.clamp(r, {int64_t(1) << 30, (int64_t(1) << 31) - 1});
  Value shift = b.subtract(b.addConstant(94), zeros);
  if (b.hasFailed()) {
    if (reason)
      *reason = b.getFailure();
    return std::nullopt;
  }
  // e's rounding 2^-47; r's half a unit of at least 2^30; the end; what m cuts
  // off. The products of errors are far below the last factor.
  long double bound = seedError * seedError + 0x1p-47L + 0x1p-31L + 0x1p-31L;
  if (range.hi >= int64_t(1) << 31)
    bound += 0x1p-30L;
  return ScaledKernel{b.finish({r, shift}), double(bound * (1 + 1e-6L))};
}

namespace {
/// The parts of 1/sqrt that sqrt uses too.
struct ReciprocalSqrt {
  /// i = X 2^(62 - evenShift); X = mantissa 2^-30 in [1/2, 2), cut off; 0 for
  /// i = 0.
  Value mantissa;
  Value evenShift;
  /// 2^30 / sqrt(X); 2^30 for i = 0.
  Value root;
  long double relativeBound;
};
} // namespace

static std::optional<ReciprocalSqrt> emitReciprocalSqrt(Builder &b, Value input,
                                                        std::string *reason) {
  Value positive = b.maximum(input, b.addConstant(1));
  Value zeros = b.leadingZeros(positive);
  ReciprocalSqrt result;
  result.evenShift = b.bitAnd(b.addImmediate(zeros, -1), 62);
  Value normalised =
      b.shiftLeftInto(positive, result.evenShift,
                      {int64_t(1) << 61, std::numeric_limits<int64_t>::max()});
  Value m = b.shiftRightBy(normalised, 32);
  // r0 ~ 2^29 / sqrt(X) in [2^28.5, 2^29.5].
  constexpr long double kLeast = 0x1p28L * 1.41421356237309504880L;
  auto seed = approximateFunction(
      {[](long double m) { return 0x1p44L / std::sqrt(m); }, int64_t(1) << 29,
       (int64_t(1) << 31) - 1, 1.0, 1.0, double(kLeast * kSeedError)},
      reason);
  if (!seed)
    return std::nullopt;
  long double seedError = seed->bound / kLeast;
  Value r0 = b.append(seed->program, m)[0];
  // s = 2^29 / X (1 + epsilon)^2, at most 2^30 and a little.
  Value s = b.roundingShiftRightBy(b.multiply(r0, r0), 29);
  b.assume(s, {0, (int64_t(1) << 30) + (int64_t(1) << 16)});
  // m s = 2^59 (1 + epsilon)^2: |e| <= 2^59 (2^-15 + 2^-28).
  Value e = b.subtract(b.addConstant(int64_t(1) << 59), b.multiply(m, s));
  int64_t largest = (int64_t(1) << 44) + (int64_t(1) << 31);
  b.assume(e, {-largest, largest});
  // r = 2 r0 (1 + e 2^-60): the relative error is -3/2 epsilon^2 - epsilon^3/2.
  Value correction =
      b.roundingShiftRightBy(b.multiply(r0, b.roundingShiftRightBy(e, 14)), 45);
  result.root = b.add(b.shiftLeftBy(r0, 1), correction);
  b.assume(result.root, {int64_t(1) << 29, (int64_t(1) << 31) - 1});
  // s's half a unit of at least 2^28, halved; e's rounding; r's half a unit of
  // at least 2^29.5; m, at least 2^29, cuts off less than one unit, halved.
  long double bound = 1.5L * seedError * seedError +
                      seedError * seedError * seedError + 0x1p-30L + 0x1p-47L +
                      0x1p-30L / 1.41421356237309504880L;
  if (b.getRange(input).hi >= int64_t(1) << 31)
    bound += 0x1p-30L;
  result.relativeBound = bound * (1 + 1e-6L);
  // For i = 0 the mantissa is 0 as well.
  result.mantissa = m;
  if (b.getRange(input).lo == 0)
    result.mantissa = b.shiftRightBy(
        b.shiftLeftInto(input, result.evenShift,
                        {0, std::numeric_limits<int64_t>::max()}),
        32);
  return result;
}

std::optional<ScaledKernel>
mlir::qfmt::buildReciprocalSqrt(Range range, std::string *reason) {
  if (!checkRange(range, 0, reason))
    return std::nullopt;
  Builder b;
  auto parts = emitReciprocalSqrt(b, b.addInput(range), reason);
  if (!parts)
    return std::nullopt;
  // 1 / sqrt(i) = 2^30 / sqrt(X) * 2^-30 * 2^-(31 - evenShift / 2).
  Value shift =
      b.subtract(b.addConstant(61), b.shiftRightBy(parts->evenShift, 1));
  if (b.hasFailed()) {
    if (reason)
      *reason = b.getFailure();
    return std::nullopt;
  }
  return ScaledKernel{b.finish({parts->root, shift}),
                      double(parts->relativeBound)};
}

std::optional<IntegerKernel>
mlir::qfmt::buildSqrt(Range range, unsigned fractionBits, std::string *reason) {
  if (!checkRange(range, 0, reason))
    return std::nullopt;
  if (fractionBits > 28) {
    if (reason)
      *reason = "a square root has at most 28 fraction bits";
    return std::nullopt;
  }
  Builder b;
  auto parts = emitReciprocalSqrt(b, b.addInput(range), reason);
  if (!parts)
    return std::nullopt;
  // mantissa * root = sqrt(X) 2^60; sqrt(i) = sqrt(X) 2^(31 - evenShift / 2).
  Value shift = b.addImmediate(b.shiftRightBy(parts->evenShift, 1),
                               29 - int64_t(fractionBits));
  Value root =
      b.roundingShiftRight(b.multiply(parts->mantissa, parts->root), shift);
  if (b.hasFailed()) {
    if (reason)
      *reason = b.getFailure();
    return std::nullopt;
  }
  auto exact = [&](long double i) {
    return std::ldexp(std::sqrt(i), int(fractionBits));
  };
  double bound = double(0.5L + exact(range.hi) * parts->relativeBound + 1e-9L);
  IntegerKernel kernel{b.finish(root), bound};
  if (range.hi - range.lo < kMaxExhaustive)
    kernel.bound =
        std::min(bound, findLargestErrorOfAll(kernel.program, range, exact));
  return kernel;
}

Value mlir::qfmt::emitScaledProduct(Builder &builder, Value numerator,
                                    Value mantissa, Value shift,
                                    unsigned fractionBits) {
  // Beyond 62 bits the product, less than 2^62, is below half a unit.
  Value amount =
      builder.minimum(builder.addImmediate(shift, -int64_t(fractionBits)),
                      builder.addConstant(63));
  return builder.roundingShiftRight(builder.multiply(numerator, mantissa),
                                    amount);
}
