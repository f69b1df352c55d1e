// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// If G = (W' - W) H, then a change of one weight by d changes its row's loss by
//
//   2 d G_i + d^2 H_ii,
//
// least where d = -G_i / H_ii: of all levels the one nearest to that is best.

#include "Matrix.h"

using namespace mlir;
using namespace mlir::qfmt;

unsigned mlir::qfmt::improveByCoordinateDescent(const RoundingProblem &problem,
                                                const LevelGrid &grid,
                                                Levels &levels,
                                                unsigned sweeps) {
  Matrix moments = getMoments(problem);
  Matrix images = getErrors(problem, grid, levels) * moments;
  std::vector<bool> done(problem.rows, false);
  for (unsigned sweep = 0; sweep < sweeps; ++sweep) {
    bool changed = false;
    for (int64_t row = 0; row < problem.rows; ++row) {
      if (done[row])
        continue;
      done[row] = true;
      auto image = images.row(row);
      for (int64_t i = 0; i < problem.depth; ++i) {
        double moment = moments(i, i);
        if (moment <= 0)
          continue;
        int64_t element = row * problem.depth + i;
        double value = grid.getValue(element, levels[element]);
        uint32_t level = grid.getNearest(element, value - image(i) / moment);
        double change = grid.getValue(element, level) - value;
        // What rounding errors of G may pretend is no gain; so it ends.
        double gain = -change * (2 * image(i) + change * moment);
        if (!(gain > 1e-12 * change * change * moment))
          continue;
        levels[element] = level;
        image += change * moments.row(i);
        done[row] = false;
        changed = true;
      }
    }
    if (!changed)
      return sweep;
  }
  return sweeps;
}
