//===- IBert.cpp - The integer kernels of I-BERT --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/IBert.h"
#include "qfmt/Support/Dyadic.h"
#include "qfmt/Support/IntegerKernels.h"
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

std::pair<Value, Value> IBertExp::emit(Builder &b, int64_t lo) const {
  assert(lo <= 0);
  int64_t divisor = -ln2;
  Value input = b.addInput({lo, 0});
  Value q = b.maximum(input, b.addConstant(-kShift * divisor));
  // divisor < 2^15 as S > 3.6e-5.
  Value z = b.divideBy(b.subtract(b.addConstant(0), q), divisor);
  Value r = b.add(q, b.multiply(z, b.addConstant(divisor)));
  b.assume(r, {-divisor + 1, 0});
  Value sum = b.addImmediate(
      b.multiply(r, b.addImmediate(r, polynomial.linear)), polynomial.constant);
  return {z, b.maximum(sum, b.addConstant(0))};
}

std::optional<IntegerProgram> IBertExp::makeProgram(int64_t lo) const {
  Builder b;
  auto [z, sum] = emit(b, lo);
  Value result = b.shiftLeft(sum, b.subtract(b.addConstant(kShift), z));
  if (b.hasFailed())
    return std::nullopt;
  return b.finish(result);
}

/// From units of outputScale to those of expMax / 32767; multiplier 0 if the
/// ratio is beyond dyadic numbers.
static Dyadic getRatio16(double outputScale, double expMax) {
  return approximateDyadic(outputScale / (expMax / IBertExp::kLargest16))
      .value_or(Dyadic{0, IBertExp::kShift + 1});
}

std::optional<IntegerProgram> IBertExp::makeProgram16(int64_t lo,
                                                      double expMax) const {
  Dyadic ratio = getRatio16(outputScale, expMax);
  // Not for S < 0.69 and an expMax of the size of 1.
  if (ratio.shift <= kShift)
    return std::nullopt;
  Builder b;
  auto [z, sum] = emit(b, lo);
  // sum 2^(30 - z) m / 2^n, rounded half to even: the shift is n - 30 + z >= 1.
  Value product = b.multiply(sum, b.addConstant(ratio.multiplier));
  Value shift = b.addImmediate(z, int64_t(ratio.shift) - kShift);
  Value odd = b.bitAnd(b.shiftRight(product, shift), 1);
  Value half = b.shiftLeft(b.addConstant(1), b.addImmediate(shift, -1));
  Value nudged = b.add(b.addImmediate(b.add(product, half), -1), odd);
  Value result =
      b.minimum(b.shiftRight(nudged, shift), b.addConstant(kLargest16));
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

int64_t IBertExp::evaluate16(int64_t q, double expMax) const {
  return std::min(requantize(evaluate(q), getRatio16(outputScale, expMax)),
                  kLargest16);
}

llvm::SmallVector<int64_t>
mlir::qfmt::computeIBertSoftmax(llvm::ArrayRef<int64_t> row,
                                const IBertExp &exp, unsigned outputBits,
                                double expMax) {
  assert(!row.empty() && outputBits <= 32);
  int64_t maximum = *llvm::max_element(row);
  llvm::SmallVector<int64_t> result;
  int64_t sum = 0;
  for (int64_t q : row) {
    result.push_back(exp.evaluate16(q - maximum, expMax));
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
  b.assume(magnitude, {0, b.getRange(magnitude).hi});
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

std::optional<IntegerProgram> mlir::qfmt::buildFloorSqrt(Range range) {
  std::optional<IntegerKernel> kernel = buildSqrt(range, 0);
  // Then it is the floor or one more.
  if (!kernel || kernel->bound >= 1)
    return std::nullopt;
  Builder b;
  Value n = b.addInput(range);
  Value root = b.append(kernel->program, n).front();
  b.assume(root, {0, computeIBertSqrt(range.hi) + 1});
  Value isLarge = b.shiftRightBy(b.subtract(n, b.multiply(root, root)), 62);
  Value result = b.add(root, isLarge);
  b.assume(result, {computeIBertSqrt(range.lo), computeIBertSqrt(range.hi)});
  if (b.hasFailed())
    return std::nullopt;
  return b.finish(result);
}

std::optional<IntegerProgram>
mlir::qfmt::buildFloorReciprocal(unsigned exponent, Range range) {
  constexpr int64_t kLargest = 0x7fffffff;
  if (exponent < 31 || exponent > 32 || range.lo < 1 ||
      range.hi >= int64_t(1) << 30 ||
      (int64_t(1) << exponent) / range.lo > kLargest + 1)
    return std::nullopt;
  std::optional<ScaledKernel> kernel = buildReciprocal(range);
  if (!kernel)
    return std::nullopt;
  int64_t power = int64_t(1) << exponent;
  // How far 2^exponent times the reciprocal may be from 2^exponent / x, times
  // x.
  int64_t off = int64_t(std::ldexp(kernel->relativeBound, exponent)) + 2;
  Builder b;
  Value x = b.addInput(range);
  auto parts = b.append(kernel->program, x);
  Value mantissa = parts[ScaledKernel::kMantissa];
  // At most 62, as x < 2^30; at least 31.
  Value shift = b.clamp(parts[ScaledKernel::kShift], {31, 62});
  Value first = b.shiftRight(b.shiftLeftBy(mantissa, 31),
                             b.addImmediate(shift, 31 - int64_t(exponent)));
  first = b.minimum(first, b.addConstant(kLargest));
  // Less than x more for what the shift cut off. (2^31 for x = 1 is above the
  // largest by 1.)
  Value rest = b.subtract(b.addConstant(power), b.multiply(x, first));
  b.assume(rest, {-off - range.hi, off + range.hi});
  Value second = b.shiftRight(b.multiply(rest, mantissa), shift);
  b.assume(second, {-off - 2, off + 2});
  // Now off by 1 at most.
  rest = b.subtract(rest, b.multiply(x, second));
  b.assume(rest, {-2 * range.hi, 3 * range.hi});
  Value isNegative = b.shiftRightBy(rest, 62);
  Value isWhole = b.shiftRightBy(b.subtract(b.addImmediate(x, -1), rest), 62);
  Value result = b.subtract(b.add(b.add(first, second), isNegative), isWhole);
  b.assume(result, {power / range.hi, power / range.lo});
  if (b.hasFailed())
    return std::nullopt;
  return b.finish(result);
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
