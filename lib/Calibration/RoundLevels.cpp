// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #qfmt.scaled and #qfmt.select: elements are rounded one by one. Scales, zero
// points and number formats are those of `quantize`, but for groups of columns
// where GPTQ's are better.

#include "WeightRounder.h"

using namespace mlir;
using namespace mlir::qfmt;

/// Rows of `to` become those of `from` where these lose less. Returns their
/// numbers.
static SmallVector<int64_t> takeBetter(int64_t depth, const Levels &from,
                                       ArrayRef<double> fromLosses, Levels &to,
                                       MutableArrayRef<double> toLosses) {
  SmallVector<int64_t> taken;
  for (size_t row = 0; row < toLosses.size(); ++row) {
    if (!(fromLosses[row] < toLosses[row]))
      continue;
    std::copy_n(from.begin() + row * depth, depth, to.begin() + row * depth);
    toLosses[row] = fromLosses[row];
    taken.push_back(row);
  }
  return taken;
}

/// Rows that lose less by GPTQ, with the scales that there are or with new ones
/// for each set of columns.
static LogicalResult
improveByGptq(linalg::LinalgOp op, QuantizedWeights &weights, int64_t group,
              const RoundingProblem &problem, const RoundingSettings &settings,
              Levels &levels, MutableArrayRef<double> losses) {
  LevelGrid grid = weights.makeGrid(group);
  GptqOptions options;
  options.damping = settings.damping;
  std::optional<Levels> found = roundByErrorFeedback(problem, grid, options);
  if (!found)
    return emitNotDefinite(op, settings);
  takeBetter(problem.depth, *found, getRowLosses(problem, grid, *found), levels,
             losses);
  options.sets = weights.getColumnSets();
  if (options.sets.empty())
    return success();
  auto choose = [&](size_t set, ArrayRef<double> current) {
    weights.chooseScales(options.sets[set], current, grid);
  };
  options.choose = choose;
  found = roundByErrorFeedback(problem, grid, options);
  for (int64_t row :
       takeBetter(problem.depth, *found, getRowLosses(problem, grid, *found),
                  levels, losses))
    weights.acceptScales(row);
  return success();
}

/// Coordinate descent and, if blocks may have several number formats, these and
/// their scales in turn.
static void improveByLearning(QuantizedWeights &weights, LevelGrid &grid,
                              const RoundingProblem &problem,
                              const RoundingSettings &settings,
                              ArrayRef<BlockChoice> choices, Levels &levels) {
  improveByCoordinateDescent(problem, grid, levels, settings.sweeps);
  std::vector<bool> active(problem.rows, !choices.empty());
  for (unsigned sweep = 0;
       sweep < settings.sweeps && llvm::is_contained(active, true); ++sweep) {
    for (size_t number : improveByBlockChoices(problem, grid, levels, choices,
                                               active, settings.damping))
      weights.acceptChoice(choices[number]);
    improveByCoordinateDescent(problem, grid, levels, settings.sweeps);
  }
}

FailureOr<RoundingLosses>
mlir::qfmt::roundLevels(linalg::LinalgOp op, QuantizeOp quantize,
                        QuantizedWeights &weights, ArrayRef<double> moments,
                        QuantizeCompiler &compiler,
                        const RoundingSettings &settings) {
  RoundingLosses losses;
  for (int64_t group = 0; group < weights.getMatrices().groups; ++group) {
    RoundingProblem problem = getProblem(weights, group, moments);
    Levels levels = weights.getNearest(group);
    std::vector<double> rows =
        getRowLosses(problem, weights.makeGrid(group), levels);
    losses.nearest += sumLosses(rows);
    if (failed(
            improveByGptq(op, weights, group, problem, settings, levels, rows)))
      return failure();
    losses.gptq += sumLosses(rows);
    if (settings.method == WeightRoundingMethod::Learned) {
      FailureOr<std::vector<BlockChoice>> choices =
          weights.getChoices(quantize, compiler);
      if (failed(choices))
        return failure();
      LevelGrid grid = weights.makeGrid(group);
      improveByLearning(weights, grid, problem, settings, *choices, levels);
      losses.learned += sumLosses(getRowLosses(problem, grid, levels));
    }
    weights.setLevels(group, levels);
  }
  return losses;
}
