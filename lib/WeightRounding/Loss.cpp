// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Matrix.h"

using namespace mlir;
using namespace mlir::qfmt;

/// Of errors W' - W.
static std::vector<double> getLosses(const RoundingProblem &problem,
                                     const Matrix &errors) {
  Matrix images = errors * getMoments(problem);
  std::vector<double> losses(problem.rows);
  for (int64_t row = 0; row < problem.rows; ++row)
    losses[row] = std::max(0.0, errors.row(row).dot(images.row(row)));
  return losses;
}

std::vector<double> mlir::qfmt::getRowLosses(const RoundingProblem &problem,
                                             const LevelGrid &grid,
                                             llvm::ArrayRef<uint32_t> levels) {
  return getLosses(problem, getErrors(problem, grid, levels));
}

std::vector<double> mlir::qfmt::getRowLosses(const RoundingProblem &problem,
                                             llvm::ArrayRef<double> rounded) {
  return getLosses(
      problem,
      MatrixView(rounded.data(), problem.rows, problem.depth) -
          MatrixView(problem.weights.data(), problem.rows, problem.depth));
}
