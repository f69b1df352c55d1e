// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How far an integer with a scale is from the real number it stands for.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_ERRORBOUND_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_ERRORBOUND_H

#include <algorithm>
#include <cmath>

namespace mlir::qfmt {

/// |scale * i - v| <= absolute * scale + relative * |v|, where v is what real
/// arithmetic computes from the encoded operands of the region. Both numbers
/// are finite and >= 0.
struct ErrorBound {
  /// In units of the scale.
  double absolute = 0;
  double relative = 0;

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
    return {absolute * ratio, relative};
  }
  /// After one more step that is off by at most `units` and by a factor of at
  /// most 1 +- `factor`.
  ErrorBound plus(double units, double factor = 0) const {
    return {absolute * (1 + factor) + units, relative * (1 + factor) + factor};
  }
};

/// Of a sum or difference of two values of one scale. `sameSign` says that they
/// do not cancel, so that relative errors stay relative.
inline ErrorBound addErrors(const ErrorBound &a, double magnitudeA,
                            const ErrorBound &b, double magnitudeB,
                            bool sameSign) {
  if (sameSign)
    return {a.absolute + b.absolute, std::max(a.relative, b.relative)};
  return {a.getTotal(magnitudeA) + b.getTotal(magnitudeB), 0};
}

/// Of a maximum, minimum or selection: one of the two.
inline ErrorBound mergeErrors(const ErrorBound &a, const ErrorBound &b) {
  return {std::max(a.absolute, b.absolute), std::max(a.relative, b.relative)};
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
