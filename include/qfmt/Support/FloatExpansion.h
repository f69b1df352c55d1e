//===- FloatExpansion.h - Programs over any arithmetic ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Range reduction and programs of FloatProgram.h, written once over an
// `Arithmetic` that has
//
//   types Value, Integer, Condition
//   FloatProgramType type
//   Value constant(double); Integer integer(int64_t)
//   Value add, subtract, multiply, divide(Value, Value), absolute(Value),
//         copySign(magnitude, sign)
//   Value multiplyAdd(a, b, c)   a b + c, fused or not
//   Integer getBits(Value); Value fromBits(Integer)
//   Integer addInteger, subtractInteger(Integer, Integer),
//           shiftLeft, shiftRightSigned(Integer, unsigned)
//   Value toFloat(Integer)       exact
//   Condition isLess, isEqual(Value, Value)   false for NaN
//   Value select(Condition, Value, Value)
//   Integer selectInteger(Condition, Integer, Integer)
//
// with IEEE semantics, rounding to nearest even. No conversion from floats to
// integers is used, which would be undefined for NaN.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_FLOATEXPANSION_H
#define QFMT_SUPPORT_FLOATEXPANSION_H

#include "qfmt/Support/FloatProgram.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <cstring>
#include <limits>

namespace mlir::qfmt {

template <typename Arithmetic>
class FloatExpansion {
public:
  using Value = typename Arithmetic::Value;
  using Integer = typename Arithmetic::Integer;
  using Condition = typename Arithmetic::Condition;

  explicit FloatExpansion(Arithmetic &arithmetic)
      : arith(arithmetic), isDouble(arithmetic.type == FloatProgramType::F64) {}

  /// The function of `program` at x.
  Value expand(const FloatProgram &program, Value x) {
    switch (program.function) {
    case FloatFunction::Exp2:
      return expandExp2(program, x);
    case FloatFunction::Exp:
      return expandExp(program, x);
    case FloatFunction::Log2:
      return expandLog2(program, x);
    case FloatFunction::Erf:
      return expandErf(program, x);
    }
    llvm_unreachable("covered switch");
  }

  /// A program on a reduced argument; not of kind OddOrTail.
  Value run(const FloatProgram &program, Value r) {
    llvm::ArrayRef<double> c = program.coefficients;
    switch (program.kind) {
    case FloatProgramKind::Polynomial:
      return emitHorner(c, r);
    case FloatProgramKind::Quotient: {
      Value q = emitHorner(c, arith.multiply(r, r));
      return arith.divide(arith.add(q, r), arith.subtract(q, r));
    }
    case FloatProgramKind::Evolved: {
      Value u = arith.add(arith.divide(number(c[3]), r), r);
      Value sum =
          arith.add(arith.add(arith.divide(number(c[1]), u), number(c[2])), u);
      Value root =
          arith.subtract(arith.divide(number(c[4]), sum), number(c[5]));
      for (int i = 0; i < 3; ++i)
        root = arith.multiply(root, root);
      return root;
    }
    case FloatProgramKind::PolynomialTimesArgument:
      return arith.multiply(r, emitHorner(c, r));
    case FloatProgramKind::OddOfQuotient: {
      Value s = arith.divide(r, arith.add(number(2), r));
      return arith.multiply(s, emitHorner(c, arith.multiply(s, s)));
    }
    case FloatProgramKind::OddOrTail:
      break;
    }
    llvm_unreachable("has no program of its own");
  }

private:
  Value number(double value) { return arith.constant(value); }
  unsigned getMantissaBits() const { return isDouble ? 52 : 23; }
  int64_t getBias() const { return isDouble ? 1023 : 127; }

  Value emitHorner(llvm::ArrayRef<double> c, Value x) {
    Value sum = number(c.back());
    for (double coefficient : llvm::reverse(c.drop_back()))
      sum = arith.multiplyAdd(sum, x, number(coefficient));
    return sum;
  }

  /// Between lo and hi; NaN stays.
  Value clamp(Value x, double lo, double hi) {
    Value low = number(lo), high = number(hi);
    x = arith.select(arith.isLess(x, low), low, x);
    return arith.select(arith.isLess(high, x), high, x);
  }

  /// 1.5 * 2^mantissaBits: adding it to |x| < 2^(mantissaBits - 2) rounds x to
  /// an integer, which is then in the low bits.
  double getRounder() const { return isDouble ? 0x1.8p52 : 0x1.8p23; }
  /// The integer in `sum` = x + rounder. For NaN any bits, but defined.
  Integer getRounded(Value sum) {
    return arith.subtractInteger(arith.getBits(sum),
                                 arith.getBits(number(getRounder())));
  }
  Value makePowerOfTwo(Integer exponent) {
    return arith.fromBits(
        arith.shiftLeft(arith.addInteger(exponent, arith.integer(getBias())),
                        getMantissaBits()));
  }
  /// value * 2^exponent by two factors, the first product exact: 2^exponent may
  /// overflow or be subnormal where the result is not, and is rounded once.
  Value scale(Value value, Integer exponent) {
    Integer half = arith.shiftRightSigned(exponent, 1);
    value = arith.multiply(value, makePowerOfTwo(half));
    return arith.multiply(
        value, makePowerOfTwo(arith.subtractInteger(exponent, half)));
  }

  /// 2^x = 2^n 2^r, n = x rounded, r = x - n exact, |r| <= 1/2. Beyond the ends
  /// of the clamp results are 0 and infinity already.
  Value expandExp2(const FloatProgram &program, Value x) {
    x = isDouble ? clamp(x, -1080, 1025) : clamp(x, -152, 129);
    Value sum = arith.add(x, number(getRounder()));
    Value r = arith.subtract(x, arith.subtract(sum, number(getRounder())));
    return scale(run(program, r), getRounded(sum));
  }

  /// e^x = 2^n e^r, n = x / ln 2 rounded, r = x - n ln 2 with ln 2 in two parts
  /// (Cody and Waite), the first so short that n times it is exact.
  Value expandExp(const FloatProgram &program, Value x) {
    x = isDouble ? clamp(x, -748, 711) : clamp(x, -106, 90);
    Value sum =
        arith.multiplyAdd(x, number(0x1.71547652b82fep0), number(getRounder()));
    Value n = arith.subtract(sum, number(getRounder()));
    double high = isDouble ? 0x1.62e42feep-1 : 0x1.62e4p-1;
    double low = isDouble ? 0x1.a39ef35793c76p-33 : 0x1.7f7d1cp-20;
    Value r = arith.multiplyAdd(n, number(-high), x);
    r = arith.multiplyAdd(n, number(-low), r);
    return scale(run(program, r), getRounded(sum));
  }

  /// log2(x) = n + log2(m), sqrt(1/2) <= m < sqrt(2), r = m - 1 exact.
  Value expandLog2(const FloatProgram &program, Value x) {
    int64_t shift = isDouble ? 54 : 25;
    Value smallest = number(isDouble ? 0x1p-1022 : 0x1p-126);
    Condition isSubnormal = arith.isLess(x, smallest);
    Value scaled = arith.multiply(x, number(std::ldexp(1.0, int(shift))));
    Integer bits = arith.getBits(arith.select(isSubnormal, scaled, x));
    Integer root =
        arith.getBits(number(isDouble ? 0x1.6a09e667f3bcdp-1 : 0x1.6a09e6p-1));
    Integer n = arith.shiftRightSigned(arith.subtractInteger(bits, root),
                                       getMantissaBits());
    Value m = arith.fromBits(
        arith.subtractInteger(bits, arith.shiftLeft(n, getMantissaBits())));
    n = arith.selectInteger(isSubnormal,
                            arith.subtractInteger(n, arith.integer(shift)), n);
    Value result =
        arith.add(arith.toFloat(n), run(program, arith.subtract(m, number(1))));
    // Infinity and NaN: themselves. 0: -infinity. Negative: NaN.
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    Value zero = number(0);
    result = arith.select(arith.isLess(x, number(kInfinity)), result, x);
    Value rest = arith.select(arith.isEqual(x, zero), number(-kInfinity),
                              number(std::numeric_limits<double>::quiet_NaN()));
    return arith.select(arith.isLess(zero, x), result, rest);
  }

  /// Below 1 odd powers; above 1 - 2^p(|x|), which is 1 from the clamp on.
  Value expandErf(const FloatProgram &program, Value x) {
    Value magnitude = arith.absolute(x);
    Value end = number(isDouble ? 6 : 4);
    Value bounded = arith.select(arith.isLess(end, magnitude), end, magnitude);
    Value odd = arith.multiply(
        x, emitHorner(program.coefficients, arith.multiply(bounded, bounded)));
    Value exponent =
        emitHorner(program.tail, arith.subtract(bounded, number(2)));
    Value sum = arith.add(exponent, number(getRounder()));
    Value r =
        arith.subtract(exponent, arith.subtract(sum, number(getRounder())));
    // Between 2^-56 and 2^-2: one factor does.
    Value rest = arith.multiply(emitHorner(program.power, r),
                                makePowerOfTwo(getRounded(sum)));
    Value tail = arith.copySign(arith.subtract(number(1), rest), x);
    return arith.select(arith.isLess(magnitude, number(1)), odd, tail);
  }

  Arithmetic &arith;
  bool isDouble;
};

/// Numbers: float or double, each operation rounded once.
template <typename T, bool isFused>
struct NativeArithmetic {
  using Value = T;
  using Integer = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;
  using Condition = bool;
  using Unsigned = std::make_unsigned_t<Integer>;

  static constexpr FloatProgramType type =
      sizeof(T) == 8 ? FloatProgramType::F64 : FloatProgramType::F32;

  // Products and sums are expressions of their own, which Clang never
  // contracts unless it is asked for -ffp-contract=fast.
  Value constant(double value) { return T(value); }
  Integer integer(int64_t value) { return Integer(value); }
  Value add(Value a, Value b) { return a + b; }
  Value subtract(Value a, Value b) { return a - b; }
  Value multiply(Value a, Value b) { return a * b; }
  Value divide(Value a, Value b) { return a / b; }
  Value absolute(Value a) { return std::fabs(a); }
  Value copySign(Value a, Value b) { return std::copysign(a, b); }
  Value multiplyAdd(Value a, Value b, Value c) {
    if constexpr (isFused)
      return std::fma(a, b, c);
    T product = a * b;
    return product + c;
  }
  Integer getBits(Value a) {
    Integer bits;
    std::memcpy(&bits, &a, sizeof(a));
    return bits;
  }
  Value fromBits(Integer a) {
    Value value;
    std::memcpy(&value, &a, sizeof(a));
    return value;
  }
  Integer addInteger(Integer a, Integer b) {
    return Integer(Unsigned(a) + Unsigned(b));
  }
  Integer subtractInteger(Integer a, Integer b) {
    return Integer(Unsigned(a) - Unsigned(b));
  }
  Integer shiftLeft(Integer a, unsigned n) { return Integer(Unsigned(a) << n); }
  Integer shiftRightSigned(Integer a, unsigned n) { return a >> n; }
  Value toFloat(Integer a) { return T(a); }
  Condition isLess(Value a, Value b) { return a < b; }
  Condition isEqual(Value a, Value b) { return a == b; }
  Value select(Condition c, Value a, Value b) { return c ? a : b; }
  Integer selectInteger(Condition c, Integer a, Integer b) { return c ? a : b; }
};

/// The function of `program` at x; T is the program's type.
template <typename T>
T evaluateFloatProgram(const FloatProgram &program, T x, bool fma) {
  if (fma) {
    NativeArithmetic<T, true> arithmetic;
    return FloatExpansion(arithmetic).expand(program, x);
  }
  NativeArithmetic<T, false> arithmetic;
  return FloatExpansion(arithmetic).expand(program, x);
}

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_FLOATEXPANSION_H
