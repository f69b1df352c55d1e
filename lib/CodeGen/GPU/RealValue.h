//===- RealValue.h - Arithmetic on values as C++ writes it ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators on values of f32 and i32 (and vectors of them), pairs of f32 whose
// sum is a number of about 48 bits, and the functions that use them. None needs
// a fused multiply-add, which Vulkan does not promise, nor f64; each operation
// is rounded for itself and keeps its place (no fast-math flags).
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_CODEGEN_GPU_REALVALUE_H
#define QFMT_CODEGEN_GPU_REALVALUE_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace mlir::qfmt {

/// A value and where to write the operations that use it. The other operand of
/// an operator may be a number. Comparisons of f32 are ordered (false for NaN)
/// but !=; those of i32 are signed.
struct RealValue {
  ImplicitLocOpBuilder *b;
  Value value;

  Type getType() const { return value.getType(); }
  /// A constant of this value's type.
  RealValue operator()(double number) const;
  /// A constant of i32, in this value's shape.
  RealValue word(uint32_t number) const;
};

using RealRef = const RealValue &;

RealValue operator+(RealRef l, RealRef r);
RealValue operator-(RealRef l, RealRef r);
RealValue operator*(RealRef l, RealRef r);
RealValue operator/(RealRef l, RealRef r);
RealValue operator-(RealRef x);
RealValue operator&(RealRef l, RealRef r);
RealValue operator|(RealRef l, RealRef r);
RealValue operator<<(RealRef l, RealRef r);
RealValue operator>>(RealRef l, RealRef r); ///< Zeros come in.
RealValue operator<(RealRef l, RealRef r);
RealValue operator==(RealRef l, RealRef r);
RealValue operator!=(RealRef l, RealRef r);
inline RealValue operator>(RealRef l, RealRef r) { return r < l; }
inline RealValue operator+(RealRef l, double r) { return l + l(r); }
inline RealValue operator-(RealRef l, double r) { return l - l(r); }
inline RealValue operator*(RealRef l, double r) { return l * l(r); }
inline RealValue operator<(RealRef l, double r) { return l < l(r); }
inline RealValue operator>(RealRef l, double r) { return l > l(r); }
inline RealValue operator==(RealRef l, double r) { return l == l(r); }
inline RealValue operator!=(RealRef l, double r) { return l != l(r); }

RealValue select(RealRef condition, RealRef l, RealRef r);
RealValue bitsOf(RealRef x);      ///< f32 to i32.
RealValue fromBits(RealRef bits); ///< i32 to f32.
RealValue toReal(RealRef x);      ///< Signed i32 to f32.
RealValue toInteger(RealRef x);   ///< f32 to signed i32.
RealValue absolute(RealRef x);
RealValue copySign(RealRef size, RealRef sign);
RealValue roundEven(RealRef x);
RealValue floorOf(RealRef x);
RealValue squareRoot(RealRef x);
/// The upper and the lower word of the product of two unsigned words.
std::pair<RealValue, RealValue> multiplyWords(RealRef l, RealRef r);
/// c[0] x^(n-1) + ... + c[n-1].
RealValue polynomial(RealRef x, ArrayRef<double> c);

/// hi + lo, |lo| at most half a unit in the last place of hi.
struct RealPair {
  RealValue hi, lo;
};

RealPair splitConstant(RealRef like, double number);
RealPair exactSum(RealRef l, RealRef r);
/// The same where |l| >= |r| or l = 0.
RealPair exactSumOrdered(RealRef l, RealRef r);
RealPair exactProduct(RealRef l, RealRef r);
RealPair multiply(const RealPair &l, const RealPair &r);
RealPair multiply(const RealPair &l, RealRef r);

// Functions of f32. docs/Gpu.md has their bounds.
RealValue expOf(RealRef x);
/// exp(x) / 2, which is finite where sinh and cosh are.
RealValue halfExpOf(RealRef x);
RealValue exp2Of(RealRef x);
RealValue expm1Of(RealRef x);
RealValue logOf(RealRef x);
RealValue log2Of(RealRef x);
RealValue log10Of(RealRef x);
RealValue log1pOf(RealRef x);
RealValue powerOf(RealRef x, RealRef y);
RealValue cubeRootOf(RealRef x);

RealValue sineOf(RealRef x);
RealValue cosineOf(RealRef x);
RealValue tangentOf(RealRef x);
RealValue arcSineOf(RealRef x);
RealValue arcCosineOf(RealRef x);
RealValue arcTangentOf(RealRef y, RealRef x); ///< atan2.

RealValue hyperbolicSineOf(RealRef x);
RealValue hyperbolicCosineOf(RealRef x);
RealValue hyperbolicTangentOf(RealRef x);
RealValue areaSineOf(RealRef x);
RealValue areaCosineOf(RealRef x);
RealValue areaTangentOf(RealRef x);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_GPU_REALVALUE_H
