//===- FixedPointFunction.h - Real functions in integers --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer code for a real function on an integer interval,
//
//   result ~ function(inputScale * i) / outputScale,   lo <= i <= hi,
//
// by one polynomial, or by one for each of up to 256 segments of equal width,
// and a bound on |result - function(inputScale * i) / outputScale|.
//
// One polynomial: t = i - centre, |t| <= 2^w, and Horner's rule on 32-bit
// accumulators with g fraction bits:
//
//   acc = C_d;   acc = (acc * t + C_k * 2^w + 2^(w-1)) >> w   for k = d-1 ... 1
//   result = (acc * t + C_0 * 2^w + 2^(w+g-1)) >> (w + g)
//
// so each coefficient and its rounding are one constant, and the last step
// rounds once to the output's unit. Segments: the high bits of i - lo index
// tables of C_k, the low bits are t. Where |t| needs more than 30 bits it is
// rounded to 30 first.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_FIXEDPOINTFUNCTION_H
#define QFMT_SUPPORT_FIXEDPOINTFUNCTION_H

#include "qfmt/Support/IntegerProgram.h"
#include "qfmt/Support/Remez.h"
#include <optional>
#include <string>

namespace mlir::qfmt {

struct FixedPointRequest {
  /// Finite on [inputScale * lo, inputScale * hi].
  RealFunction function;
  /// Both within [-2^62, 2^62].
  int64_t lo, hi;
  double inputScale;
  /// The unit of the result, and of all errors.
  double outputScale;
  /// The bound asked for, in output units. At least 0.5, the last rounding,
  /// unless the function happens to be friendlier.
  double maxError;
  /// Results are clamped to this range. The function must lie in it, so that
  /// clamping never increases an error.
  std::optional<IntegerProgram::Range> clamp = std::nullopt;
  unsigned maxDegree = 8;
  /// 1: no segments.
  unsigned maxSegments = 256;
  /// Width of accumulators and results.
  unsigned accumulatorBits = 32;
};

struct FixedPointFunction {
  /// One input, one result.
  IntegerProgram program;
  /// At most request.maxError: for up to 2^16 inputs the largest error of all
  /// of them, else `analyticBound`.
  double bound;
  /// The largest distance of the polynomials with their rounded coefficients
  /// from the function (findLargestError, and 1 % for what it may miss), plus
  /// half a unit of g fraction bits for each shift, carried through the later
  /// steps, plus half an output unit.
  double analyticBound;
  bool isExhaustive;
  unsigned degree;
  unsigned segments;

  int64_t evaluate(int64_t input) const { return program.evaluate(input); }
};

/// The form with the smallest degree that keeps the requested bound; segments
/// (of degrees 1 to 3) only where degree maxDegree does not. None otherwise,
/// and `reason` says why.
std::optional<FixedPointFunction>
approximateFunction(const FixedPointRequest &request,
                    std::string *reason = nullptr);

/// The largest |program(i) - expected(i)| for all i of [lo, hi], in long
/// double, plus 1e-9 and 2^-57 of the largest value for the errors of
/// `expected`. For programs of one input.
double findLargestErrorOfAll(const IntegerProgram &program,
                             IntegerProgram::Range range,
                             RealFunctionRef expected);

/// Ranges of no more inputs than this are checked exhaustively.
inline constexpr int64_t kMaxExhaustive = int64_t(1) << 16;

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_FIXEDPOINTFUNCTION_H
