//===- Remez.h - Minimax polynomials ----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The polynomial whose largest error on an interval is smallest, found by
// Remez' exchange algorithm in long double (64-bit significands on x86: errors
// down to about 1e-18 of the function's size).
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_REMEZ_H
#define QFMT_SUPPORT_REMEZ_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <functional>
#include <optional>
#include <vector>

namespace mlir::qfmt {

using RealFunction = std::function<long double(long double)>;
using RealFunctionRef = llvm::function_ref<long double(long double)>;

/// A polynomial and how far it is from what it was fitted to.
struct PolynomialFit {
  /// coefficients[k] multiplies x^k; powers that were not asked for are zero.
  std::vector<long double> coefficients;
  /// The largest weighted error of exactly these coefficients on the interval,
  /// see findLargestError.
  long double maxError = 0;
  /// The levelled error of the last exchange: no polynomial of these powers
  /// does better (de la Vallee Poussin) up to rounding, if the function is
  /// continuous. maxError / leastError is about 1 when the exchange converged.
  long double leastError = 0;

  long double evaluate(long double x) const;
};

/// What is minimised: max over [lo, hi] of |function(x) - p(x)| * weight(x).
struct FitRequest {
  RealFunction function;
  long double lo, hi;
  /// Positive on [lo, hi]; null for 1, that is the absolute error. The relative
  /// error has 1 / |function(x)|.
  RealFunction weight;
};

/// The minimax fit by the given powers of x, in ascending order. Powers other
/// than 0 ... d need a Haar system, such as odd powers on an interval that
/// does not hold 0, or even powers on [0, hi]. Deterministic. None if the
/// function or the weight is not finite on the interval, or lo > hi.
std::optional<PolynomialFit> fitPolynomial(const FitRequest &request,
                                           llvm::ArrayRef<unsigned> powers);

/// The same with all powers 0 ... degree.
std::optional<PolynomialFit> fitPolynomial(const FitRequest &request,
                                           unsigned degree);

/// max |error(x)| on [lo, hi]: the largest of `points` Chebyshev points, every
/// local maximum refined by golden section. This is a search: an error curve
/// that has a peak between two points that its neighbours do not show is
/// missed. NaN if an error is not finite.
long double findLargestError(RealFunctionRef error, long double lo,
                             long double hi, unsigned points);

/// c[0] + x (c[1] + x (...)).
long double evaluateHorner(llvm::ArrayRef<long double> coefficients,
                           long double x);

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_REMEZ_H
