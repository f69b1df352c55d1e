//===- IntegerKernels.h - Range-reduced integer functions -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// exp, reciprocal, square root, reciprocal square root, logarithm and powers in
// integer arithmetic, without division: the argument is split into a power of
// two and a mantissa (or a fraction), and the mantissa goes through a
// polynomial (FixedPointFunction.h) and, for the reciprocals, a Newton step.
//
// Each kernel is an IntegerProgram with one input and the error it proves.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_INTEGERKERNELS_H
#define QFMT_SUPPORT_INTEGERKERNELS_H

#include "qfmt/Support/FixedPointFunction.h"

namespace mlir::qfmt {

/// A kernel with one result.
struct IntegerKernel {
  IntegerProgram program;
  /// Proven: largest |result - exact| in units of the result; for up to 2^16
  /// inputs (exponentials: for the 2^16 largest) the largest of all, where that
  /// is smaller.
  double bound;

  int64_t evaluate(int64_t input) const { return program.evaluate(input); }
};

//===----------------------------------------------------------------------===//
// Exponential
//===----------------------------------------------------------------------===//

struct ExpRequest {
  /// Input range, |i| <= 2^31; lo <= hi. Often hi = 0.
  int64_t lo, hi;
  /// The argument is inputScale * i.
  double inputScale;
  /// The result is in units of 2^-fractionBits; the largest has at most 62
  /// bits.
  int fractionBits;
  /// 2^x instead of e^x.
  bool isBase2 = false;
  /// Of the polynomial for 2^r, 0 <= r < 1, in units of 2^-29. The default
  /// costs degree 6.
  double polynomialError = 4;
};

/// result ~ base^(inputScale * i) * 2^fractionBits:
///   v = round(i * inputScale * log2(base) * 2^A)    one dyadic multiplication
///   result = round(P(v mod 2^A) * 2^(floor(v / 2^A) + fractionBits - 29))
/// with A = 30 (fewer for large scales) and P(r) ~ 2^(29 + r / 2^A). Results
/// below half a unit are 0.
std::optional<IntegerKernel> buildExp(const ExpRequest &request,
                                      std::string *reason = nullptr);

//===----------------------------------------------------------------------===//
// Reciprocal, square roots
//===----------------------------------------------------------------------===//

/// A floating result: mantissa * 2^-shift, two results of the program in this
/// order.
struct ScaledKernel {
  IntegerProgram program;
  /// Proven: |mantissa * 2^-shift / exact - 1| for every input.
  double relativeBound;

  static constexpr unsigned kMantissa = 0, kShift = 1;
  /// mantissa * 2^-shift.
  long double evaluateReal(int64_t input) const;
};

/// mantissa * 2^-shift ~ 1 / i for 1 <= lo <= i <= hi < 2^62. The mantissa is
/// in [2^30, 2^31 - 1], shift in [31, 92].
std::optional<ScaledKernel> buildReciprocal(IntegerProgram::Range range,
                                            std::string *reason = nullptr);

/// mantissa * 2^-shift ~ 1 / sqrt(i) for 0 <= lo <= i <= hi < 2^62; 0 is
/// treated as 1. The mantissa is within [2^29, 2^31 - 1], shift in [30, 61].
std::optional<ScaledKernel> buildReciprocalSqrt(IntegerProgram::Range range,
                                                std::string *reason = nullptr);

/// result ~ sqrt(i) * 2^fractionBits for 0 <= lo <= i <= hi < 2^62;
/// 0 <= fractionBits <= 28. sqrt(0) is 0. The bound is absolute, half a unit
/// and what the relative error of buildReciprocalSqrt makes of sqrt(hi).
std::optional<IntegerKernel> buildSqrt(IntegerProgram::Range range,
                                       unsigned fractionBits,
                                       std::string *reason = nullptr);

/// Adds round(numerator * 2^fractionBits * mantissa * 2^-shift) for a mantissa
/// and shift from above: numerator / d with a reciprocal. The numerator fits
/// 32 bits; shifts beyond 62 bits give 0. Error: half a unit and the
/// quotient times the reciprocal's relative error. fractionBits is at most the
/// least shift (30 always is).
IntegerProgram::Value emitScaledProduct(IntegerProgramBuilder &builder,
                                        IntegerProgram::Value numerator,
                                        IntegerProgram::Value mantissa,
                                        IntegerProgram::Value shift,
                                        unsigned fractionBits);

//===----------------------------------------------------------------------===//
// Logarithm
//===----------------------------------------------------------------------===//

struct LogRequest {
  /// 1 <= lo <= hi < 2^62.
  IntegerProgram::Range range;
  /// The argument is inputScale * i.
  double inputScale;
  /// The result is in units of 2^-fractionBits; 0 <= fractionBits <= 24.
  unsigned fractionBits;
  /// log2 instead of the natural logarithm.
  bool isBase2 = false;
  /// The bound asked for, in units of the result.
  double maxError = 0.6;
};

/// result ~ log(inputScale * i) * 2^fractionBits, from the position of the
/// leading one and a polynomial of the mantissa.
std::optional<IntegerKernel> buildLog(const LogRequest &request,
                                      std::string *reason = nullptr);

//===----------------------------------------------------------------------===//
// Powers
//===----------------------------------------------------------------------===//

struct PowerRequest {
  /// 0 <= lo <= hi < 2^62; lo >= 1 for negative exponents.
  IntegerProgram::Range range;
  /// The argument is inputScale * i.
  double inputScale;
  /// Not 0, |exponent| <= 8.
  double exponent;
  /// The result is in units of 2^-fractionBits; the largest has at most 61
  /// bits.
  int fractionBits;
};

/// A kernel with one result.
struct PowerKernel {
  IntegerProgram program;
  /// Proven: |result - exact| <= 0.5 + 2^-32 + relativeBound * exact units of
  /// the result.
  double relativeBound;
};

/// result ~ (inputScale * i)^exponent * 2^fractionBits: a polynomial of the
/// mantissa, times a power of two to the exponent, from a table of the position
/// of the leading one. 0^exponent is 0.
std::optional<PowerKernel> buildPower(const PowerRequest &request,
                                      std::string *reason = nullptr);

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_INTEGERKERNELS_H
