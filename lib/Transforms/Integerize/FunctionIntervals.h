// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a function of one element is, and how steep, wherever the element is in
// an interval: interval arithmetic of values and first derivatives. Samples
// alone do not see what lies between them, such as most of sin(1000 x), or one
// number for which a comparison holds.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_FUNCTIONINTERVALS_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_FUNCTIONINTERVALS_H

#include "ElementFunction.h"
#include <cmath>

namespace mlir::qfmt {

/// All reals from `lo` to `hi`; infinite ends say that nothing is known.
struct RealInterval {
  double lo, hi;
  double getWidth() const { return hi - lo; }
  double getMagnitude() const { return std::max(-lo, hi); }
};

/// A function f on an interval: nowhere further than `off` from a function g
/// that is differentiable but for kinks.
struct Jet {
  /// What f and g may be, and the derivative of g; unbounded where g may jump.
  RealInterval value, slope;
  double off = 0;
  /// f in the middle of the interval.
  double center = 0;
  /// False if nothing is known, not even that there is a value.
  bool isBounded() const {
    return std::isfinite(value.lo) || std::isfinite(value.hi);
  }
};

class FunctionIntervals {
public:
  /// None if an operation is not known.
  static std::optional<FunctionIntervals> make(const ExpressionRef &function);

  /// Holds what the function is for every element in `x`, rounded outwards;
  /// underflow of double precision is not counted.
  Jet operator()(RealInterval x) const;

  /// At least the largest |f(v + d) - f(v)| for lo <= v <= hi and |d| <= off,
  /// and mostly not more than twice that; a jump counts as a whole.
  double getVariation(double lo, double hi, double off) const;

  /// At least the largest |f(v) - f(from)| for lo <= v <= hi.
  double getDistance(double lo, double hi, double from) const;

  using Rule = Jet (*)(ArrayRef<Jet> operands);

private:
  struct Step {
    /// Null: a constant, or the element itself.
    Rule rule = nullptr;
    ScalarFunction function = nullptr;
    SmallVector<unsigned, 3> operands;
    std::optional<double> constant;
    /// Comparisons and selections know something without all operands.
    bool isChoice = false;
    bool isExact = true;
  };
  std::optional<unsigned>
  append(const Expression &node,
         llvm::DenseMap<const Expression *, unsigned> &positions);

  /// Operands precede.
  std::vector<Step> steps;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_FUNCTIONINTERVALS_H
