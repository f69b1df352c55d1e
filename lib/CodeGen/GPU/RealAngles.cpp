//===- RealAngles.cpp - Angles and hyperbolic functions of f32 ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  values of f32. Output: operations of arith and math, for all
//         arguments: denormals, infinities and NaN.
//
// Polynomials are those of Cephes. Angles are reduced by multiplication of
// whole numbers with 2 / pi (M. Payne, R. Hanek, Radian reduction for
// trigonometric functions, 1983), which is exact enough for all of f32.
//
//===----------------------------------------------------------------------===//

#include "RealValue.h"
#include <cmath>

namespace mlir::qfmt {

static const double kPi = 3.14159265358979323846;
static const double kLn2 = 0.69314718055994530942;
static const double kInfinity = INFINITY;

/// 2 / pi behind 32 zeros.
static const uint32_t kTwoOverPi[] = {0x00000000, 0xA2F9836E, 0x4E441529,
                                      0xFC2757D1, 0xF534DDC0, 0xDB629599,
                                      0x3C439041, 0xFE5163AB};

namespace {
/// |x| = quadrant pi / 2 + rest modulo 2 pi, |rest| <= pi / 4.
struct Angle {
  RealValue quadrant;
  RealPair rest;
};
} // namespace

/// Word `index` + `offset` of 2 / pi; index from 0 to 4.
static RealValue getWord(RealRef index, int offset) {
  RealValue word = index.word(kTwoOverPi[offset]);
  for (int i = 1; i <= 4; ++i)
    word = select(index == i, index.word(kTwoOverPi[offset + i]), word);
  return word;
}

/// The fraction of 64 bits, of which the upper two are before the point, of
/// 2 x / pi modulo 4, for x from 0.5 to the largest number. What is cut off of
/// 2 / pi is less than one unit of the fraction.
static std::pair<RealValue, RealValue> multiplyByTwoOverPi(RealRef bits) {
  RealValue exponent = bits >> bits.word(23);
  RealValue mantissa = (bits & bits.word(0x7FFFFF)) | bits.word(0x800000);
  // x = mantissa 2^(exponent - 150): bits of 2 / pi with a weight of 4 or more
  // in the product with 2^(exponent - 150) do not matter.
  RealValue start = exponent - 120;
  RealValue index = start >> bits.word(5), shift = start & bits.word(31);
  RealValue back = (bits.word(31) - shift);
  RealValue words[4] = {getWord(index, 0), getWord(index, 1), getWord(index, 2),
                        getWord(index, 3)};
  auto window = [&](int i) {
    // A shift by 32 is not defined.
    return (words[i] << shift) | ((words[i + 1] >> bits.word(1)) >> back);
  };
  auto [high1, low1] = multiplyWords(mantissa, window(1));
  RealValue high2 = multiplyWords(mantissa, window(2)).first;
  RealValue lower = low1 + high2;
  // Unsigned comparison by signed ones.
  RealValue flip = bits.word(0x80000000);
  RealValue carry =
      select(lower + flip < high2 + flip, bits.word(1), bits.word(0));
  return {mantissa * window(0) + high1 + carry, lower};
}

static Angle reduceAngle(RealRef x) {
  RealValue size = absolute(x), small = size < 0.5;
  RealValue ordinary = (size < kInfinity) & (size > 0.25);
  RealValue bits = bitsOf(select(ordinary, size, x(1)));
  auto [upper, lower] = multiplyByTwoOverPi(bits);
  RealValue quadrant = (upper + bits.word(0x20000000)) >> bits.word(30);
  upper = upper - (quadrant << bits.word(30));
  RealValue negative = upper < 0;
  RealValue borrow = select(lower == 0, bits.word(0), bits.word(1));
  upper = select(negative, bits.word(0) - upper - borrow, upper);
  lower = select(negative, bits.word(0) - lower, lower);
  // Parts that f32 has exactly: 15, 15 and 24 bits.
  auto part = [](RealRef word, int bit) {
    return toReal(word) * std::ldexp(1, bit);
  };
  RealPair turn = exactSumOrdered(part(upper >> bits.word(15), -15),
                                  part(upper & bits.word(0x7FFF), -30));
  turn = exactSumOrdered(turn.hi, turn.lo + part(lower >> bits.word(8), -54));
  RealPair rest = multiply(turn, splitConstant(x, kPi / 2));
  rest.hi = select(negative, -rest.hi, rest.hi);
  rest.lo = select(negative, -rest.lo, rest.lo);
  return {select(small, bits.word(0), quadrant),
          {select(small, size, rest.hi), select(small, x(0), rest.lo)}};
}

static RealValue sineOfRest(const RealPair &r) {
  RealValue z = r.hi * r.hi;
  RealValue p =
      polynomial(z, {-1.9515295891E-4, 8.3321608736E-3, -1.6666654611E-1});
  return p * z * r.hi + (r.lo - r.lo * z * 0.5) + r.hi;
}

static RealValue cosineOfRest(const RealPair &r) {
  RealValue z = r.hi * r.hi;
  RealValue p = polynomial(
      z, {2.443315711809948E-5, -1.388731625493765E-3, 4.166664568298827E-2});
  RealPair one = exactSumOrdered(z(1), z * -0.5);
  return one.hi + (one.lo + (p * (z * z) - r.hi * r.lo));
}

/// sin(rest + (quadrant + shift) pi / 2).
static RealValue sineOfAngle(const Angle &angle, double shift) {
  RealValue q = angle.quadrant + shift;
  RealValue sine = sineOfRest(angle.rest), cosine = cosineOfRest(angle.rest);
  RealValue value = select((q & q.word(1)) == 0, sine, cosine);
  return select((q & q.word(2)) == 0, value, -value);
}

static RealValue ofFinite(RealRef x, RealRef value) {
  return select(absolute(x) < kInfinity, value, x(NAN));
}

RealValue sineOf(RealRef x) {
  RealValue value = sineOfAngle(reduceAngle(x), 0);
  value = select(bitsOf(x) < 0, -value, value);
  return select(absolute(x) < 1e-10, x, ofFinite(x, value));
}

RealValue cosineOf(RealRef x) {
  return ofFinite(x, sineOfAngle(reduceAngle(x), 1));
}

RealValue tangentOf(RealRef x) {
  Angle angle = reduceAngle(x);
  RealValue sine = sineOfRest(angle.rest), cosine = cosineOfRest(angle.rest);
  RealValue even = (angle.quadrant & angle.quadrant.word(1)) == 0;
  RealValue value = select(even, sine, -cosine) / select(even, cosine, sine);
  value = select(bitsOf(x) < 0, -value, value);
  return select(absolute(x) < 1e-10, x, ofFinite(x, value));
}

/// asin(x) for |x| <= 0.5; z = x^2.
static RealValue smallArcSine(RealRef x, RealRef z) {
  RealValue p =
      polynomial(z, {4.2163199048E-2, 2.4181311049E-2, 4.5470025998E-2,
                     7.4953002686E-2, 1.6666752422E-1});
  return p * z * x + x;
}

RealValue arcSineOf(RealRef x) {
  RealValue a = absolute(x), large = a > 0.5;
  RealValue z = select(large, (a(1) - a) * 0.5, a * a);
  RealValue value = smallArcSine(select(large, squareRoot(z), a), z);
  RealPair quarter = splitConstant(x, kPi / 2);
  RealValue rest = (quarter.hi - value * 2) + quarter.lo;
  value = copySign(select(large, rest, value), x);
  value = select(a > 1, x(NAN), value);
  return select(a < 1e-10, x, value);
}

RealValue arcCosineOf(RealRef x) {
  RealValue a = absolute(x), large = a > 0.5;
  RealValue z = select(large, (a(1) - a) * 0.5, a * a);
  RealValue value = smallArcSine(select(large, squareRoot(z), x), z);
  RealPair quarter = splitConstant(x, kPi / 2), half = splitConstant(x, kPi);
  RealValue near = quarter.hi - (value - quarter.lo);
  RealValue back = half.hi - (value * 2 - half.lo);
  RealValue result = select(large, select(x < 0, back, value * 2), near);
  return select(a < 1.0000001, result, x(NAN));
}

/// atan(t) for t from 0 to 1.
static RealValue smallArcTangent(RealRef t) {
  RealValue large = t > 0.4142135623730950;
  RealValue r = select(large, (t - 1) / (t + 1), t);
  RealValue z = r * r;
  RealValue p = polynomial(z, {8.05374449538E-2, -1.38776856032E-1,
                               1.99777106478E-1, -3.33329491539E-1});
  RealValue value = p * z * r + r;
  RealPair eighth = splitConstant(t, kPi / 4);
  return select(large, eighth.hi + (value + eighth.lo), value);
}

RealValue arcTangentOf(RealRef y, RealRef x) {
  RealValue ay = absolute(y), ax = absolute(x), steep = ay > ax;
  RealValue above = select(steep, ax, ay), below = select(steep, ay, ax);
  RealValue t = select(above == kInfinity, x(1), above / below);
  t = select(below == 0, x(0), t);
  RealValue value = smallArcTangent(t);
  RealPair quarter = splitConstant(x, kPi / 2), half = splitConstant(x, kPi);
  value = select(steep, quarter.hi - (value - quarter.lo), value);
  value = select(bitsOf(x) < 0, half.hi - (value - half.lo), value);
  value = select((x != x) | (y != y), x(NAN), value);
  return copySign(value, y);
}

RealValue hyperbolicSineOf(RealRef x) {
  RealValue a = absolute(x), z = x * x;
  RealValue p =
      polynomial(z, {2.03721912945E-4, 8.33028376239E-3, 1.66667160211E-1});
  RealValue half = halfExpOf(a);
  RealValue large = copySign(half - half(0.25) / half, x);
  return select(a < 1, select(a < 1e-10, x, p * z * x + x), large);
}

RealValue hyperbolicCosineOf(RealRef x) {
  RealValue half = halfExpOf(absolute(x));
  return half + half(0.25) / half;
}

RealValue hyperbolicTangentOf(RealRef x) {
  RealValue a = absolute(x), z = x * x;
  RealValue p =
      polynomial(z, {-5.70498872745E-3, 2.06390887954E-2, -5.37397155531E-2,
                     1.33314422036E-1, -3.33332819422E-1});
  RealValue large = x(1) - x(2) / (expOf(a * 2) + 1);
  RealValue small = select(a < 1e-10, x, p * z * x + x);
  return select(a < 0.625, small, copySign(large, x));
}

RealValue areaSineOf(RealRef x) {
  RealValue a = absolute(x), square = a * a;
  RealValue value = log1pOf(a + square / (squareRoot(square + 1) + 1));
  value = select(a > 4096, logOf(a) + kLn2, value);
  return copySign(value, x);
}

RealValue areaCosineOf(RealRef x) {
  RealValue t = x - 1;
  RealValue value = log1pOf(t + squareRoot(t * 2 + t * t));
  value = select(x > 4096, logOf(x) + kLn2, value);
  return select(x < 1, x(NAN), value);
}

RealValue areaTangentOf(RealRef x) {
  RealValue a = absolute(x), one = x(1);
  RealValue small = a * 2 + a * 2 * a / (one - a);
  RealValue argument = select(a < 0.5, small, a * 2 / (one - a));
  RealValue value = copySign(log1pOf(argument) * 0.5, x);
  return select(a < 1e-10, x, value);
}

} // namespace mlir::qfmt
