// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How far an integer with a scale is from the real number it stands for.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_ERRORBOUND_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_ERRORBOUND_H

#include <algorithm>
#include <cmath>
#include <optional>

namespace mlir::qfmt {

/// Of c * sum x^2 + e and what is computed from it, such as a root: how far it
/// is from the same function of other numbers y, those whose integers were
/// squared. A norm of x hardly notices that x is not exact, its reciprocal does
/// where x is nearly 0; divided by, it is better taken for that of y.
struct NormError {
  /// Real: no x is farther from its y.
  double off = 0;
  /// Real: y^2 is 0 or at least this.
  double leastSquare = 0;
  /// As those of ErrorBound, unless all y are 0.
  double absolute = 0, relative = 0;
};

/// |scale * i - v| <= absolute * scale + relative * |v|, where v is what real
/// arithmetic computes from the encoded operands of the region. Both numbers
/// are finite and >= 0.
struct ErrorBound {
  /// In units of the scale.
  double absolute = 0;
  double relative = 0;
  std::optional<NormError> norm = std::nullopt;

  bool isExact() const { return absolute == 0 && relative == 0; }

  /// In units of the scale, for |v| <= magnitude units.
  double getTotal(double magnitude) const {
    return absolute + relative * magnitude;
  }
  /// The same with nothing relative.
  ErrorBound toAbsolute(double magnitude) const {
    return {getTotal(magnitude), 0};
  }
  /// Of the same real at a scale that is `ratio` times as fine: i becomes
  /// i * ratio.
  ErrorBound rescaled(double ratio) const {
    ErrorBound result = {absolute * ratio, relative, norm};
    if (norm)
      result.norm->absolute *= ratio;
    return result;
  }
  /// After one more step that is off by at most `units` and by a factor of at
  /// most 1 +- `factor`.
  ErrorBound plus(double units, double factor = 0) const {
    auto add = [&](auto &error) {
      error.absolute = error.absolute * (1 + factor) + units;
      error.relative = error.relative * (1 + factor) + factor;
    };
    ErrorBound result = *this;
    add(result);
    if (norm)
      add(*result.norm);
    return result;
  }
  /// That of the function of y where there is one.
  ErrorBound getOfNorm() const {
    return norm ? ErrorBound{norm->absolute, norm->relative} : *this;
  }
};

/// The norm of a function of two values, of which one has a norm or both have,
/// with an error that is yet to be said.
inline std::optional<NormError> mergeNorms(const ErrorBound &a,
                                           const ErrorBound &b) {
  if (!a.norm || !b.norm)
    return a.norm ? a.norm : b.norm;
  return NormError{std::max(a.norm->off, b.norm->off),
                   std::min(a.norm->leastSquare, b.norm->leastSquare)};
}

/// Of a sum or difference of two values of one scale. `sameSign` says that they
/// do not cancel, so that relative errors stay relative.
inline ErrorBound addErrors(const ErrorBound &a, double magnitudeA,
                            const ErrorBound &b, double magnitudeB,
                            bool sameSign) {
  if (sameSign) {
    ErrorBound sum = {a.absolute + b.absolute, std::max(a.relative, b.relative),
                      mergeNorms(a, b)};
    if (sum.norm) {
      ErrorBound x = a.getOfNorm(), y = b.getOfNorm();
      sum.norm->absolute = x.absolute + y.absolute;
      sum.norm->relative = std::max(x.relative, y.relative);
    }
    return sum;
  }
  return {a.getTotal(magnitudeA) + b.getTotal(magnitudeB), 0};
}

/// Of a maximum, minimum or selection: one of the two.
inline ErrorBound mergeErrors(const ErrorBound &a, const ErrorBound &b) {
  ErrorBound merged = {std::max(a.absolute, b.absolute),
                       std::max(a.relative, b.relative), mergeNorms(a, b)};
  if (merged.norm) {
    ErrorBound x = a.getOfNorm(), y = b.getOfNorm();
    merged.norm->absolute = std::max(x.absolute, y.absolute);
    merged.norm->relative = std::max(x.relative, y.relative);
  }
  return merged;
}

/// Of a product, in units of the product of the scales; magnitudes are those of
/// the reals.
///   a'b' - ab = (a' - a) b + a (b' - b) + (a' - a)(b' - b)
inline ErrorBound multiplyErrors(const ErrorBound &a, double magnitudeA,
                                 const ErrorBound &b, double magnitudeB) {
  ErrorBound result;
  result.relative = a.relative + b.relative + a.relative * b.relative;
  result.absolute = a.absolute * magnitudeB * (1 + b.relative) +
                    b.absolute * magnitudeA * (1 + a.relative) +
                    a.absolute * b.absolute;
  return result;
}

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_ERRORBOUND_H
