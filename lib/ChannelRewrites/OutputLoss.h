//===- OutputLoss.h - Errors of a matrix product ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What rounding data and weights does to the results of a matrix product, and
// rounding to a list of values. Plain numbers, no IR.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CHANNELREWRITES_OUTPUTLOSS_H
#define QFMT_LIB_CHANNELREWRITES_OUTPUTLOSS_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <utility>
#include <vector>

namespace mlir::qfmt {

/// The finite values of a number format.
class LevelSet {
public:
  /// Value and code of each, in any order, at least one.
  explicit LevelSet(std::vector<std::pair<double, uint64_t>> valuesAndCodes);

  /// The nearest value; of two equally near ones that with the even code.
  /// Beyond the last value the last one.
  double round(double value) const;
  /// scale * round(value / scale) for each; scale > 0.
  void roundAll(llvm::MutableArrayRef<double> values, double scale) const;

private:
  /// Ascending.
  std::vector<double> values;
  std::vector<bool> isEven;
  /// All integers from the first value to the last, each even if its code is.
  bool areIntegers;
};

/// X W^T, [n][outputs], of X = `rows` [n][depth] and W = `weights`
/// [outputs][depth]; depth > 0.
std::vector<double> multiplyRows(llvm::ArrayRef<double> rows,
                                 llvm::ArrayRef<double> weights, int64_t depth);

/// The mean over rows of the sum over outputs of (X W^T - exact)^2; 0 if there
/// are no rows.
double getOutputLoss(llvm::ArrayRef<double> exact, llvm::ArrayRef<double> rows,
                     llvm::ArrayRef<double> weights, int64_t depth);

/// tr(D H D^T) of D = `errors` [outputs][depth] and H = `moments`
/// [depth][depth]: what the results of data with these second moments are off
/// by.
double getMomentLoss(llvm::ArrayRef<double> errors,
                     llvm::ArrayRef<double> moments, int64_t depth);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_OUTPUTLOSS_H
