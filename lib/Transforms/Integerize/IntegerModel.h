// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The value model of integerization: a real tensor or scalar v of the network
// is an integer i with a scale and a range,
//
//   v ~ scale * i,   lo <= i <= hi,
//
// or a constant known at compile time, or a comparison's outcome, or a function
// of one code that is not computed yet. Beside the range stand a bound on the
// error and, as far as it is known, the real expression that v is.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_INTEGERMODEL_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_INTEGERMODEL_H

#include "ErrorBound.h"
#include "Expression.h"
#include "Table.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

/// A closed interval of integers, wide enough for products of two i64.
struct IntegerRange {
  __int128 lo = 0, hi = 0;

  /// Bits of the smallest signed type that holds every value.
  unsigned getSignedBits() const;
  bool fits(unsigned bits) const { return getSignedBits() <= bits; }
  __int128 getMaxMagnitude() const { return std::max(-lo, hi); }

  IntegerRange operator+(const IntegerRange &other) const {
    return {lo + other.lo, hi + other.hi};
  }
  IntegerRange operator-() const { return {-hi, -lo}; }
  /// `count` summands of this range: the sum lies between count * min(lo, 0)
  /// and count * max(hi, 0); an empty or partial sum does, too.
  IntegerRange accumulated(int64_t count) const {
    return {std::min<__int128>(lo, 0) * count,
            std::max<__int128>(hi, 0) * count};
  }
  IntegerRange hull(const IntegerRange &other) const {
    return {std::min(lo, other.lo), std::max(hi, other.hi)};
  }
  /// Of max(a, b) and min(a, b).
  IntegerRange max(const IntegerRange &other) const {
    return {std::max(lo, other.lo), std::max(hi, other.hi)};
  }
  IntegerRange min(const IntegerRange &other) const {
    return {std::min(lo, other.lo), std::min(hi, other.hi)};
  }
};
IntegerRange operator*(const IntegerRange &a, const IntegerRange &b);

/// The largest magnitude of a real number whose integer is in `range`, in units
/// of the scale, and of those integers.
inline double getMagnitude(const IntegerRange &range, const ErrorBound &error) {
  double magnitude = static_cast<double>(range.getMaxMagnitude());
  return (magnitude + error.absolute) / (1 - std::min(error.relative, 0.5));
}

/// How integers of a range are stored in a tensor: in the narrowest of 8, 16,
/// 32 and 64 bits, signed if possible.
struct StorageKind {
  unsigned width;
  bool isUnsigned;
};
StorageKind chooseStorage(const IntegerRange &range);

/// Values of which some had an additive mask B < 0 added, or were replaced by
/// it, of a magnitude that integers do not hold. They stand for the same with a
/// smaller B: what is masked is by at least `distance` below what is not, and
/// by any more than that in the network. exp(v - max v) is the same for every
/// B, but for exp(-distance); other operations are refused.
struct MaskFact {
  /// Real.
  double distance;
  /// 1 where the mask is a constant of minus infinity, else 0; over what the
  /// value's scale is over.
  Table infinite{0.0};
};

/// A tensor of the network.
struct TensorModel {
  enum class Kind {
    /// `payload` with `zeroPoint`, `scale` (over the tensor's dimensions) and
    /// the `range` of payload - zeroPoint.
    Integer,
    /// `constant` over the tensor's dimensions.
    Constant,
    /// A function of one element of an integer tensor, `expression`, without
    /// operations so far.
    Deferred,
    /// tensor.empty: no value, only a shape.
    Shape
  };

  Kind kind = Kind::Shape;
  Value payload;
  bool isUnsigned = false;
  int64_t zeroPoint = 0;
  Table scale{1.0};
  IntegerRange range;
  Table constant{0.0};
  /// The real type that the network computes this tensor in.
  RankedTensorType realType;
  /// Of every element of an Integer.
  ErrorBound error;
  std::optional<MaskFact> mask;
  /// Over the tensor's dimensions.
  ExpressionRef expression;
  /// LocalFunctions.h, of `payload` if it is still `localOf`.
  ExpressionRef local;
  Value localOf;

  /// The largest magnitude in units of the scale, of the integers and of the
  /// reals they stand for.
  double getMagnitude() const { return qfmt::getMagnitude(range, error); }

  /// Integers as they stand, signed unless they are truth values.
  static TensorModel makePlainInteger(Value payload, RankedTensorType type);
};

using TensorModels = SmallVector<TensorModel, 0>;

/// The model of a constant: its values over all dimensions in which they vary.
TensorModel makeConstantModel(RankedTensorType type, ArrayRef<double> values);

/// A scalar in the body of a linalg operation; tables are over the loops.
struct ScalarModel {
  enum class Kind { Integer, Constant, Predicate, Deferred };

  Kind kind = Kind::Constant;
  /// An integer of 8 to 64 bits, or i1 for a predicate.
  Value value;
  Table scale{1.0};
  IntegerRange range;
  Table constant{0.0};
  ErrorBound error;
  std::optional<MaskFact> mask;
  /// Over the loops. Of a Deferred all there is; a predicate is 0 or 1.
  ExpressionRef expression;
  /// LocalFunctions.h; null: a value of its own.
  ExpressionRef local;

  static ScalarModel makeConstant(Table constant) {
    ScalarModel model;
    if (std::optional<double> uniform = constant.getUniform())
      model.expression = Expression::makeConstant(*uniform);
    model.constant = std::move(constant);
    return model;
  }
  static ScalarModel makeInteger(Value value, Table scale, IntegerRange range,
                                 ErrorBound error = {}) {
    ScalarModel model;
    model.error = error;
    model.kind = Kind::Integer;
    model.value = value;
    model.scale = std::move(scale);
    model.range = range;
    return model;
  }
  static ScalarModel makePredicate(Value value) {
    ScalarModel model;
    model.kind = Kind::Predicate;
    model.value = value;
    return model;
  }
  static ScalarModel makeDeferred(ExpressionRef expression) {
    ScalarModel model;
    model.kind = Kind::Deferred;
    model.expression = std::move(expression);
    return model;
  }
  bool isInteger() const { return kind == Kind::Integer; }
  bool isConstant() const { return kind == Kind::Constant; }
  bool isPredicate() const { return kind == Kind::Predicate; }
  bool isDeferred() const { return kind == Kind::Deferred; }
  /// The largest magnitude in units of the scale, of the integers and of the
  /// reals they stand for.
  double getMagnitude() const { return qfmt::getMagnitude(range, error); }
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_INTEGERMODEL_H
