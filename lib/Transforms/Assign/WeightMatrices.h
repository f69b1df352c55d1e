//===- WeightMatrices.h - Weights seen as matrices --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions and matrix products of all layouts as what they compute:
// result[group, output] = weights[group, output, :] . data[group, :].
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_WEIGHTMATRICES_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_WEIGHTMATRICES_H

#include "../WeightedSum.h"

namespace mlir::qfmt {

/// Weights as [groups][outputs][depth], row-major: `depth` are the dimensions
/// that are summed over, `groups` those that choose among data and results
/// alike (of depthwise and grouped convolutions, batches of matrices),
/// `outputs` the others. Within each the weights' own order remains.
struct WeightMatrices {
  int64_t groups = 1, outputs = 1, depth = 1;
  /// Of the weights' dimensions.
  SmallVector<int64_t> strides;

  static WeightMatrices get(const WeightedSum &sum);

  /// Row-major elements of the weights in the order of the matrices.
  std::vector<double> arrange(ArrayRef<int64_t> shape,
                              ArrayRef<double> elements) const;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_WEIGHTMATRICES_H
