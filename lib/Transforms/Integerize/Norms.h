// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums, means, sums of squares and their roots, in the spellings of importers,
// and what quotients by them are at most.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_NORMS_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_NORMS_H

#include "Expression.h"

namespace mlir::qfmt {

/// The largest magnitude that numerator / denominator can have whatever the
/// tensors hold: 1 if the denominator is the sum of terms >= 0 of which the
/// numerator is one, or more than it; that of NormQuotient. `isReciprocal` says
/// that `denominator` is 1 / it already.
std::optional<double> getQuotientBound(const ExpressionRef &numerator,
                                       const ExpressionRef &denominator,
                                       bool isReciprocal);

/// x / D(x) for a norm D: sqrt(c * sum x^2 + e), with one more constant >= 0
/// added to the root or its maximum with one taken, there or below the root.
/// No element of it is larger than `bound`, 1 / sqrt(c), and if the `count`
/// values x move by a vector d, an element moves by at most slope * |d|: slope
/// is 1 / min D, infinite if that is 0. (The derivative is I / D less a
/// multiple of x x^T, of which no eigenvalue is above 1 / D or below 0.)
struct NormQuotient {
  double bound, slope;
  int64_t count;
};
std::optional<NormQuotient> matchNormQuotient(const ExpressionRef &numerator,
                                              const ExpressionRef &denominator,
                                              bool isReciprocal);

/// The sum of `count` terms, divided by their number.
struct Mean {
  ExpressionRef term;
  int64_t count;
};
std::optional<Mean> matchMean(const ExpressionRef &expression);

/// (x - mean x) / sqrt(mean (x - mean x)^2 + addend) for the `count` elements x
/// of a row of an encoded tensor.
struct LayerNorm {
  ExpressionRef element;
  /// The element at the index of a summand: symbols run along the row.
  ExpressionRef term;
  int64_t count;
  double addend;
};
/// Of numerator / denominator, or of their product if the reciprocal is there
/// already.
std::optional<LayerNorm> matchLayerNorm(const ExpressionRef &numerator,
                                        const ExpressionRef &denominator,
                                        bool isReciprocal);

/// True if `expression` is c * sum x^2 + e, or the root of one, as
/// matchNormQuotient takes them.
bool isNorm(const ExpressionRef &expression);

/// True if `expression` is mean x^2 - (mean x)^2, which is not negative.
bool isVariance(const ExpressionRef &expression);

/// The least value that the norm `expression` has unless all x are 0, if their
/// squares are 0 or at least `leastSquare`. Elements x of an integer tensor,
/// and their distances from their mean, are known to be: integers that are not
/// all equal are S^2 (n - 1) / n from their mean in sum.
std::optional<double> getLeastUnlessZero(const ExpressionRef &expression,
                                         double leastSquare = 0);

/// What the norm `expression` is at least: e, its root, or what a maximum
/// takes. 0 if it is no norm.
double getLowest(const ExpressionRef &expression);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_NORMS_H
