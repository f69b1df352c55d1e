//===- Matrix.h - Row-major matrices of doubles -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_LIB_WEIGHTROUNDING_MATRIX_H
#define QFMT_LIB_WEIGHTROUNDING_MATRIX_H

#include "qfmt/WeightRounding/WeightRounding.h"
#include <Eigen/Dense>
#include <optional>

namespace mlir::qfmt {

using Matrix =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MatrixView = Eigen::Map<const Matrix>;

/// H, both triangles alike.
inline Matrix getMoments(const RoundingProblem &problem) {
  Matrix moments =
      MatrixView(problem.moments.data(), problem.depth, problem.depth)
          .selfadjointView<Eigen::Lower>();
  return moments;
}

/// W' - W.
inline Matrix getErrors(const RoundingProblem &problem, const LevelGrid &grid,
                        llvm::ArrayRef<uint32_t> levels) {
  Matrix errors(problem.rows, problem.depth);
  for (int64_t i = 0; i < errors.size(); ++i)
    errors.data()[i] = grid.getValue(i, levels[i]) - problem.weights[i];
  return errors;
}

/// With the columns in this order, the upper triangular U with (H + damping *
/// mean of its diagonal)^-1 = U^T U; none if that is not positive definite.
std::optional<Matrix> factorizeInverse(const RoundingProblem &problem,
                                       double damping,
                                       llvm::ArrayRef<int64_t> order);

} // namespace mlir::qfmt

#endif // QFMT_LIB_WEIGHTROUNDING_MATRIX_H
