//===- IBert.cpp - The integer kernels of I-BERT --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/IBert.h"
#include "qfmt/Support/Dyadic.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cassert>
#include <cmath>

using namespace mlir::qfmt;

using Builder = IntegerProgramBuilder;
using Value = IntegerProgram::Value;
using Range = IntegerProgram::Range;

static int64_t divideFloor(int64_t numerator, int64_t denominator) {
  return llvm::divideFloorSigned(numerator, denominator);
}

/// Constants that fit 31 bits keep every product within 62.
static bool fits(double value) { return std::fabs(value) < 0x1p31; }

static std::nullopt_t fail(std::string *reason, const char *problem) {
  if (reason)
    *reason = problem;
  return std::nullopt;
}

IBertPolynomial IBertPolynomial::make(double a, double b, double c,
                                      double scale) {
  return {int64_t(std::floor(b / a / scale)),
          int64_t(std::floor(c / a / (scale * scale))), a * scale * scale};
}

//===----------------------------------------------------------------------===//
// Exponential and softmax
//===----------------------------------------------------------------------===//

std::optional<IBertExp> IBertExp::make(double scale, std::string *reason) {
  constexpr double kA = 0.35815147, kB = 0.96963238, kC = 1;
  if (!(scale > 0) || !(scale < 0.6931))
    return fail(reason, "the scale of an exponential must be positive and less "
                        "than 0.6931");
  if (!fits(kC / kA / (scale * scale)))
    return fail(reason, "the scale is too small for 31-bit constants");
  IBertExp exp;
  exp.ln2 = int64_t(std::floor(-0.6931 / scale));
  exp.polynomial = IBertPolynomial::make(kA, kB, kC, scale);
  exp.outputScale = std::ldexp(exp.polynomial.outputScale, -kShift);
  return exp;
}

int64_t IBertExp::evaluate(int64_t q) const {
  assert(q <= 0);
  q = std::max(q, kShift * ln2);
  int64_t z = divideFloor(q, ln2);
  int64_t r = q - ln2 * z;
  // z <= 30, so 2^(30 - z) is an integer and the floor changes nothing.
  return std::max<int64_t>(0, polynomial.evaluate(r) *
                                  (int64_t(1) << (kShift - z)));
}

std::optional<IntegerProgram> IBertExp::makeProgram(int64_t lo) const {
  assert(lo <= 0);
  int64_t divisor = -ln2;
  // floor(a / divisor) = floor(a M / 2^s) with M = ceil(2^s / divisor) for all
  // 0 <= a <= 30 divisor if the error of a M, a (M divisor - 2^s) / divisor, is
  // below 2^s / divisor. M < 2^31; divisor < 2^15 as S > 3.6e-5.
  unsigned s = 30 + llvm::Log2_64(divisor);
  int64_t reciprocal = ((int64_t(1) << s) + divisor - 1) / divisor;
  int64_t largest = kShift * divisor;
  assert(largest * (reciprocal * divisor - (int64_t(1) << s)) < int64_t(1)
                                                                    << s);
  Builder b;
  Value input = b.addInput({lo, 0});
  Value q = b.maximum(input, b.addConstant(-largest));
  Value a = b.subtract(b.addConstant(0), q);
  Value z = b.shiftRightBy(b.multiply(a, b.addConstant(reciprocal)), s);
  b.assume(z, {0, kShift});
  Value r = b.add(q, b.multiply(z, b.addConstant(divisor)));
  b.assume(r, {-divisor + 1, 0});
  Value sum = b.addImmediate(
      b.multiply(r, b.addImmediate(r, polynomial.linear)), polynomial.constant);
  Value result = b.shiftLeft(b.maximum(sum, b.addConstant(0)),
                             b.subtract(b.addConstant(kShift), z));
  if (b.hasFailed())
    return std::nullopt;
  return b.finish(result);
}

/// round(value * dyadic), half to even, for |value| up to 2^62 (the published
/// code does this in double).
static int64_t requantize(int64_t value, Dyadic dyadic) {
  __int128 product = __int128(value) * dyadic.multiplier;
  __int128 quotient = product >> dyadic.shift;
  __int128 twice = 2 * (product - (quotient << dyadic.shift));
  __int128 unit = __int128(1) << dyadic.shift;
  if (twice > unit || (twice == unit && quotient % 2 != 0))
    ++quotient;
  return int64_t(quotient);
}

llvm::SmallVector<int64_t>
mlir::qfmt::computeIBertSoftmax(llvm::ArrayRef<int64_t> row,
                                const IBertExp &exp, unsigned outputBits,
                                double expMax) {
  assert(!row.empty() && outputBits <= 32);
  constexpr int64_t kLargest = 32767;
  int64_t maximum = *llvm::max_element(row);
  // The codes of 2^30 polynomial units are brought to 16 bits.
  std::optional<Dyadic> ratio =
      approximateDyadic(exp.outputScale / (expMax / kLargest));
  llvm::SmallVector<int64_t> result;
  int64_t sum = 0;
  for (int64_t q : row) {
    int64_t value = ratio ? requantize(exp.evaluate(q - maximum), *ratio) : 0;
    result.push_back(std::min(value, kLargest));
    sum += result.back();
  }
  // The maximum's exponential is never 0, unless expMax is absurd.
  int64_t factor = sum ? (int64_t(1) << 32) / sum : 0;
  for (int64_t &value : result)
    value = value * factor >> (32 - outputBits);
  return result;
}

//===----------------------------------------------------------------------===//
// GELU
//===----------------------------------------------------------------------===//

std::optional<IBertGelu> IBertGelu::make(double scale, std::string *reason) {
  constexpr double kA = -0.2888, kB = -1.769, kC = 1;
  if (!(scale > 0) || !std::isfinite(scale))
    return fail(reason, "the scale must be positive and finite");
  double inner = scale / 1.4142;
  if (!fits(kC / kA / (inner * inner)))
    return fail(reason, "the scale is too small for 31-bit constants");
  IBertGelu gelu;
  gelu.clip = int64_t(std::floor(kB / inner));
  gelu.constant = int64_t(std::floor(kC / kA / (inner * inner)));
  double erfScale = std::ldexp(kA * inner * inner, kShift);
  gelu.one = int64_t(std::floor(1 / erfScale));
  gelu.outputScale = scale * erfScale / 2;
  return gelu;
}

int64_t IBertGelu::evaluate(int64_t q) const {
  int64_t t = std::min(std::abs(q), -clip);
  int64_t sign = (q > 0) - (q < 0);
  int64_t erf = sign * ((t + clip) * (t + clip) + constant);
  return q * ((erf >> kShift) + one);
}

std::optional<IntegerProgram> IBertGelu::makeProgram(Range range) const {
  Builder b;
  Value q = b.addInput(range);
  Value zero = b.addConstant(0);
  Value magnitude = b.maximum(q, b.subtract(zero, q));
  Value t = b.addImmediate(b.minimum(magnitude, b.addConstant(-clip)), clip);
  Value erf = b.addImmediate(b.multiply(t, t), constant);
  // The sign of q; for q = 0 the last product is 0 anyway.
  Value sign = b.clamp(q, {-1, 1});
  Value high = b.shiftRightBy(b.multiply(erf, sign), kShift);
  Value result = b.multiply(q, b.addImmediate(high, one));
  if (b.hasFailed())
    return std::nullopt;
  return b.finish(result);
}

//===----------------------------------------------------------------------===//
// Square root and layer norm
//===----------------------------------------------------------------------===//

int64_t mlir::qfmt::computeIBertSqrt(int64_t n) {
  assert(n >= 0);
  if (n == 0)
    return 0;
  unsigned bits = llvm::Log2_64(n) + 1;
  int64_t x = int64_t(1) << ((bits + 1) / 2);
  while (true) {
    int64_t next = (x + n / x) / 2;
    if (next >= x)
      return x;
    x = next;
  }
}

double IBertLayerNorm::getScale(size_t d) {
  return std::ldexp(std::sqrt(double(d)), -30);
}

/// row - mean, the mean rounded half to even.
static llvm::SmallVector<int64_t> subtractMean(llvm::ArrayRef<int64_t> row) {
  int64_t sum = 0, d = row.size();
  for (int64_t q : row)
    sum += q;
  int64_t mean = divideFloor(sum, d);
  int64_t twice = 2 * (sum - mean * d);
  if (twice > d || (twice == d && mean % 2 != 0))
    ++mean;
  llvm::SmallVector<int64_t> result(row);
  for (int64_t &y : result)
    y -= mean;
  return result;
}

unsigned IBertLayerNorm::findShift(llvm::ArrayRef<int64_t> row) {
  double sum = 0;
  for (int64_t y : subtractMean(row))
    sum += double(y) * double(y);
  double shift = std::ceil(std::log2(std::sqrt(sum / 0x1p32)));
  return shift > 0 ? unsigned(shift) : 0;
}

llvm::SmallVector<int64_t>
IBertLayerNorm::evaluate(llvm::ArrayRef<int64_t> row) const {
  assert(!row.empty() && (bias.empty() || bias.size() == row.size()));
  llvm::SmallVector<int64_t> result = subtractMean(row);
  int64_t variance = 0;
  for (int64_t y : result)
    variance += (y >> shift) * (y >> shift);
  int64_t deviation = computeIBertSqrt(variance) << shift;
  int64_t factor = deviation ? (int64_t(1) << 31) / deviation : 0;
  for (auto [i, y] : llvm::enumerate(result))
    y = divideFloor(y * factor, 2) + (bias.empty() ? 0 : bias[i]);
  return result;
}
