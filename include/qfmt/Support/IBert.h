//===- IBert.h - The integer kernels of I-BERT ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// exp, softmax, GELU, square root and layer norm as published in "I-BERT:
// Integer-only BERT Quantization" (arXiv 2101.01321) and computed by its code:
// second-order polynomials on integers, floor instead of rounding, and integer
// division in softmax, square root and layer norm. Kept bit by bit, as a named
// alternative; IntegerKernels.h has kernels with smaller errors.
//
// All operands are integers q with a scale S: x = S q.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_IBERT_H
#define QFMT_SUPPORT_IBERT_H

#include "qfmt/Support/IntegerProgram.h"
#include <optional>
#include <string>

namespace mlir::qfmt {

/// a x^2 + b x + c on integers: q (q + linear) + constant, times a S^2.
struct IBertPolynomial {
  int64_t linear;
  int64_t constant;
  double outputScale;

  static IBertPolynomial make(double a, double b, double c, double scale);
  int64_t evaluate(int64_t q) const { return q * (q + linear) + constant; }
};

/// e^x for x <= 0: x = r - z ln 2 with r in (-ln 2, 0], the polynomial for e^r
/// (error 1.913e-3), 2^(30 - z).
struct IBertExp {
  /// floor(-0.6931 / S), negative.
  int64_t ln2;
  IBertPolynomial polynomial;
  double outputScale;

  static constexpr int kShift = 30;

  /// None if S is too small (constants beyond 31 bits, S below 3.7e-5) or so
  /// large that ln 2 is no integer other than -1 times it (S >= 0.6931).
  static std::optional<IBertExp> make(double scale,
                                      std::string *reason = nullptr);
  /// q <= 0.
  int64_t evaluate(int64_t q) const;
  /// The same, for lo <= q <= 0, without the division. None if lo is beyond 32
  /// bits.
  std::optional<IntegerProgram> makeProgram(int64_t lo) const;

  /// Softmax adds up exponentials of 16 bits: evaluate(q), times outputScale,
  /// in units of expMax / 32767, rounded half to even and at most 32767.
  static constexpr int64_t kLargest16 = 32767;
  int64_t evaluate16(int64_t q, double expMax = 1) const;
  /// The same for lo <= q <= 0. None if lo is beyond 32 bits.
  std::optional<IntegerProgram> makeProgram16(int64_t lo,
                                              double expMax = 1) const;

private:
  /// z and the polynomial of r, of which the exponential is 2^(30 - z) times.
  std::pair<IntegerProgram::Value, IntegerProgram::Value>
  emit(IntegerProgramBuilder &builder, int64_t lo) const;
};

/// Softmax of one row. `expMax` is the calibrated largest value of the 16-bit
/// exponentials (1: their exact maximum). Results are in units of
/// 2^-outputBits.
llvm::SmallVector<int64_t> computeIBertSoftmax(llvm::ArrayRef<int64_t> row,
                                               const IBertExp &exp,
                                               unsigned outputBits,
                                               double expMax = 1);

/// x / 2 (1 + erf(x / sqrt(2))): |error| <= 0.01815 and 0.00819 in the mean
/// square on [-4, 4], as S goes to 0.
struct IBertGelu {
  int64_t clip;     ///< floor(-1.769 / S'), S' = S / 1.4142
  int64_t constant; ///< floor(1 / (-0.2888 S'^2))
  int64_t one;      ///< floor(1 / S_y): 1 in the scale of erf's result
  /// Negative: the polynomial's leading coefficient is.
  double outputScale;

  static constexpr int kShift = 14;

  /// None if S is too small (constants beyond 31 bits, S below 5.7e-5).
  static std::optional<IBertGelu> make(double scale,
                                       std::string *reason = nullptr);
  int64_t evaluate(int64_t q) const;
  /// None if a product of q in this range exceeds 64 bits.
  std::optional<IntegerProgram> makeProgram(IntegerProgram::Range range) const;
};

/// floor(sqrt(n)), n >= 0, by Newton's iteration from 2^ceil(bits / 2).
int64_t computeIBertSqrt(int64_t n);

/// floor(sqrt(n)) for 0 <= lo <= n <= hi < 2^60, without iteration and
/// division.
std::optional<IntegerProgram> buildFloorSqrt(IntegerProgram::Range range);

/// floor(2^exponent / x), the two integer divisions of softmax (exponent = 32)
/// and layer norm (31), for 1 <= lo <= x <= hi < 2^30 and 2^exponent / lo <=
/// 2^31, without a division: an approximate reciprocal, and twice what is left.
std::optional<IntegerProgram> buildFloorReciprocal(unsigned exponent,
                                                   IntegerProgram::Range range);

/// Layer norm of one row of d = row.size() >= 1 values.
struct IBertLayerNorm {
  /// Squares are taken of values shifted right by this, such that their sum is
  /// below 2^32: calibrated, see findShift.
  unsigned shift = 0;
  /// floor(beta / gamma / S), one for each value; may be empty for zeros.
  llvm::SmallVector<int64_t> bias;

  /// S = sqrt(d) / 2^30; results are in units of S (times gamma).
  static double getScale(size_t d);
  /// ceil(log2 sqrt(sum y^2 / 2^32)), at least 0, for y = row - mean.
  static unsigned findShift(llvm::ArrayRef<int64_t> row);
  /// A row of equal values has the standard deviation 0, by which the published
  /// code divides: here the results are the bias.
  llvm::SmallVector<int64_t> evaluate(llvm::ArrayRef<int64_t> row) const;
};

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_IBERT_H
