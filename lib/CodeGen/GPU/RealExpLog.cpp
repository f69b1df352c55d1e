//===- RealExpLog.cpp - Exponentials, logarithms and powers of f32 --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  values of f32. Output: operations of arith and math, for all
//         arguments: denormals, infinities and NaN.
//
// Polynomials of exp are those of Cephes; logarithms are FreeBSD's msun's
// (e_logf.c, e_log2f.c, e_log10f.c), without f64. Powers go by a logarithm of
// about 34 bits in a pair.
//
//===----------------------------------------------------------------------===//

#include "RealValue.h"
#include <cmath>

namespace mlir::qfmt {

static const double kLn2 = 0.69314718055994530942;
static const double kInfinity = INFINITY;

/// x 2^n for n from -300 to 254.
static RealValue scaleByPower(RealRef x, RealRef n) {
  auto power = [&](RealRef k) { return fromBits((k + 127) << x.word(23)); };
  // Two steps, since neither 2^128 nor a denormal power is there.
  RealValue third = toInteger(toReal(n) * (1.0 / 3));
  return x * power(third) * power(third) * power(n - third - third);
}

/// x within +-limit; NaN stays.
static RealValue clamp(RealRef x, double limit) {
  RealValue low = select(x < -limit, x(-limit), x);
  return select(x > limit, x(limit), low);
}

/// As an i32; 0 for NaN.
static RealValue toExponent(RealRef n) {
  return toInteger(select(n == n, n, n(0)));
}

/// n and r with x = n ln 2 + r, |r| <= 0.35; ln 2 in two parts of which the
/// first has 9 bits, so that its product with n is exact.
static std::pair<RealValue, RealValue> reduceExp(RealRef x) {
  RealValue n = roundEven(x * (1 / kLn2));
  const double upper = 0.693359375;
  return {n, (x - n * upper) - n * (kLn2 - upper)};
}

/// exp(r) - 1.
static RealValue expm1Reduced(RealRef r) {
  RealValue p =
      polynomial(r, {1.9875691500E-4, 1.3981999507E-3, 8.3334519073E-3,
                     4.1665795894E-2, 1.6666665459E-1, 5.0000001201E-1});
  return p * (r * r) + r;
}

static RealValue scaledExp(RealRef x, double shift) {
  auto [n, r] = reduceExp(clamp(x, 110));
  return scaleByPower(expm1Reduced(r) + 1, toExponent(n + shift));
}

RealValue expOf(RealRef x) { return scaledExp(x, 0); }
RealValue halfExpOf(RealRef x) { return scaledExp(x, -1); }

RealValue expm1Of(RealRef x) {
  auto [n, r] = reduceExp(clamp(x, 60));
  RealValue power = scaleByPower(x(1), toExponent(n));
  RealValue result = power * expm1Reduced(r) + (power - 1);
  result = select(absolute(x) < 1e-10, x, result);
  return select(x > 50, expOf(x), result);
}

/// 2^(t.hi + t.lo).
static RealValue exp2Pair(const RealPair &t) {
  RealValue hi = clamp(t.hi, 200);
  RealValue n = roundEven(hi);
  // Where t is cut off, its lower part has nothing to say.
  RealValue r = (hi - n) + select(absolute(t.hi) < 200, t.lo, t.hi(0));
  // Taylor's series of 2^r - 1; |r| <= 0.5, so that the next term is 1e-9.
  SmallVector<double> c;
  double term = 1;
  for (int k = 1; k <= 7; ++k)
    c.insert(c.begin(), term *= kLn2 / k);
  // The first term in two parts.
  RealValue rest = polynomial(r, ArrayRef(c).drop_back()) * (r * r);
  const double ln2Lower = kLn2 - double(float(kLn2));
  RealValue power = r * kLn2 + (rest + r * ln2Lower);
  return scaleByPower(power + 1, toExponent(n));
}

RealValue exp2Of(RealRef x) { return exp2Pair({x, x(0)}); }

namespace {
/// x = 2^exponent (1 + fraction), exactly, 1 + fraction from sqrt(1/2) to
/// sqrt(2). The exponent is a whole number in f32.
struct Parts {
  RealValue exponent, fraction;
};
} // namespace

/// Of positive finite numbers.
static Parts getParts(RealRef x) {
  RealValue small = x < 1.1754943508222875e-38;
  RealValue bits = bitsOf(select(small, x * 33554432.0, x));
  // 0x3F3504F3 is sqrt(1/2): the upper bits of what remains are the exponent.
  RealValue shifted = bits + x.word(0x3F800000 - 0x3F3504F3);
  RealValue exponent = toReal((shifted >> x.word(23)) - 127);
  exponent = exponent - select(small, x(25), x(0));
  RealValue mantissa =
      fromBits((shifted & x.word(0x7FFFFF)) + x.word(0x3F3504F3));
  return {exponent, mantissa - 1};
}

/// log(1 + f) = f - f^2 / 2 + what this returns.
static RealValue logRest(RealRef f) {
  RealValue s = f / (f + 2), z = s * s;
  RealValue rest = polynomial(z, {0.24279078841, 0.28498786688, 0.40000972152,
                                  0.66666662693}) *
                   z;
  return s * (f * f * 0.5 + rest);
}

/// `finite` for positive numbers, log's values for others.
static RealValue logSpecial(RealRef x, RealRef finite) {
  RealValue result = select(x == kInfinity, x, finite);
  result = select(x == 0, x(-kInfinity), result);
  return select((x < 0) | (x != x), x(NAN), result);
}

/// e ln 2 + log(1 + f) + correction.
static RealValue sumLog(RealRef e, RealRef f, RealRef correction) {
  const double upper = 0.69313812256; // 17 bits
  RealValue half = f * f * 0.5;
  RealValue lower = e * (kLn2 - double(float(upper))) + correction;
  return e * double(float(upper)) - ((half - (logRest(f) + lower)) - f);
}

RealValue logOf(RealRef x) {
  Parts p = getParts(x);
  return logSpecial(x, sumLog(p.exponent, p.fraction, x(0)));
}

/// The logarithm with `scale` = 1 / log(base) and `unit` = log_base(2).
static RealValue logOfBase(RealRef x, double scale, double unit) {
  // At most 12 bits: products with 12 bits and with exponents are exact.
  auto upperOf = [](double v) {
    return std::ldexp(std::floor(std::ldexp(v, 11)), -11);
  };
  auto [e, f] = getParts(x);
  RealValue half = f * f * 0.5;
  RealValue hi = fromBits(bitsOf(f - half) & x.word(0xFFFFF000));
  RealValue lo = (f - hi) - half + logRest(f);
  double scaleHi = upperOf(scale), unitHi = upperOf(unit);
  RealPair upper = exactSum(e * unitHi, hi * scaleHi);
  RealValue lower = e * (unit - unitHi) + (lo + hi) * (scale - scaleHi);
  return logSpecial(x, upper.hi + (upper.lo + (lower + lo * scaleHi)));
}

RealValue log2Of(RealRef x) { return logOfBase(x, 1 / kLn2, 1); }
RealValue log10Of(RealRef x) {
  const double ln10 = 2.30258509299404568402;
  return logOfBase(x, 1 / ln10, kLn2 / ln10);
}

RealValue log1pOf(RealRef x) {
  RealPair sum = exactSum(x(1), x);
  auto [e, f] = getParts(sum.hi);
  RealValue near = e == 0; // 1 + x need not be rounded
  RealValue correction = select(near, x(0), sum.lo / sum.hi);
  RealValue result = sumLog(e, select(near, x, f), correction);
  result = logSpecial(sum.hi, result);
  result = select(x == kInfinity, x, result);
  return select(absolute(x) < 1e-10, x, result);
}

/// log2 of positive finite numbers with about 34 bits.
static RealPair log2Pair(RealRef x) {
  auto [e, f] = getParts(x);
  RealPair d = exactSumOrdered(x(2), f);
  // s = f / (2 + f); log(1 + f) = 2 s (1 + z / 3 + z^2 / 5 + ...), z = s^2.
  RealValue quotient = f / d.hi;
  RealPair back = exactProduct(quotient, d.hi);
  RealValue rest = ((f - back.hi) - back.lo) - quotient * d.lo;
  RealPair s = exactSumOrdered(quotient, rest / d.hi);
  RealPair z = multiply(s, s);
  RealPair third = splitConstant(x, 1.0 / 3);
  RealValue tail =
      polynomial(z.hi, {1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5}) * z.hi;
  RealPair inner = exactSumOrdered(third.hi, tail);
  inner.lo = inner.lo + third.lo;
  RealPair series = multiply(z, inner);
  RealPair one = exactSumOrdered(x(1), series.hi);
  one.lo = one.lo + series.lo;
  RealPair result = multiply(multiply(s, one), splitConstant(x, 2 / kLn2));
  RealPair sum = exactSum(e, result.hi);
  return exactSumOrdered(sum.hi, sum.lo + result.lo);
}

/// |x|^y where that is no limit.
static RealValue finitePower(RealRef size, RealRef y) {
  // 2^40 times the least logarithm, 2^-24, is beyond every exponent.
  RealPair t = multiply(log2Pair(size), clamp(y, 1099511627776.0));
  return exp2Pair(t);
}

RealValue powerOf(RealRef x, RealRef y) {
  RealValue size = absolute(x), infinity = x(kInfinity), zero = x(0);
  RealValue half = y * 0.5;
  RealValue whole = floorOf(y) == y, odd = whole & (floorOf(half) != half);
  RealValue positive = y > 0;
  RealValue result = finitePower(size, y);
  result = select(size == 0, select(positive, zero, infinity), result);
  result = select(size == kInfinity, select(positive, infinity, zero), result);
  RealValue grows = select(size > 1, positive, y < 0);
  RealValue limit = select(grows, infinity, zero);
  limit = select(size == 1, x(1), limit);
  result = select(absolute(y) == kInfinity, limit, result);
  RealValue negative = (x < 0) & (x != -kInfinity);
  result = select(negative & (floorOf(y) != y), x(NAN), result);
  result = select(odd, copySign(result, x), result);
  result = select((x != x) | (y != y), x(NAN), result);
  return select((y == 0) | (x == 1), x(1), result);
}

RealValue cubeRootOf(RealRef x) {
  RealValue size = absolute(x), small = size < 1.1754943508222875e-38;
  RealValue a = select(small, size * 16777216.0, size);
  // A third of the exponent: off by 5 % at most; each step squares that.
  RealValue root = fromBits(bitsOf(a) / x.word(3) + x.word(709958130));
  for (int step = 0; step < 4; ++step)
    root = root - (root - a / (root * root)) * (1.0 / 3);
  root = select(small, root * (1.0 / 256), root);
  RealValue special = (size == 0) | (size == kInfinity) | (x != x);
  return select(special, x, copySign(root, x));
}

} // namespace mlir::qfmt
