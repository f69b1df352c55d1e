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

/// Cuts the numbers from 0 to `count` into chunks of `size` and calls `body`
/// with the beginning and the end of each, as `forEach` calls, if it is not
/// null.
template <typename BodyT>
void forEachChunk(
    int64_t count, int64_t size,
    llvm::function_ref<void(size_t, llvm::function_ref<void(size_t)>)> forEach,
    const BodyT &body) {
  auto run = [&](size_t chunk) {
    int64_t first = static_cast<int64_t>(chunk) * size;
    body(first, std::min(first + size, count));
  };
  size_t chunks = (count + size - 1) / size;
  if (forEach)
    return forEach(chunks, run);
  for (size_t chunk = 0; chunk < chunks; ++chunk)
    run(chunk);
}

} // namespace mlir::qfmt

#endif // QFMT_LIB_WEIGHTROUNDING_MATRIX_H
