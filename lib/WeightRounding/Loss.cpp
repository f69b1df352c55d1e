// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Matrix.h"

using namespace mlir;
using namespace mlir::qfmt;

std::vector<double> mlir::qfmt::getRowLosses(const RoundingProblem &problem,
                                             const LevelGrid &grid,
                                             llvm::ArrayRef<uint32_t> levels) {
  Matrix errors = getErrors(problem, grid, levels);
  Matrix images = errors * getMoments(problem);
  std::vector<double> losses(problem.rows);
  for (int64_t row = 0; row < problem.rows; ++row)
    losses[row] = std::max(0.0, errors.row(row).dot(images.row(row)));
  return losses;
}
