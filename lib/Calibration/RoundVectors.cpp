// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #qfmt.additive: groups of elements are sums of vectors. Scales and tables are
// those that `quantize` is given.

#include "WeightRounder.h"
#include "mlir/IR/Threading.h"
#include "qfmt/WeightRounding/AdditiveRounding.h"

using namespace mlir;
using namespace mlir::qfmt;

/// The loss of each unit, which is that of its rows.
static std::vector<double> getUnitLosses(const RoundingProblem &problem,
                                         const AdditiveGrid &grid,
                                         ArrayRef<uint32_t> codes) {
  std::vector<double> rows = getRowLosses(problem, grid.getValues(codes));
  std::vector<double> losses(grid.getNumUnits(), 0.0);
  for (auto [unit, loss] : llvm::enumerate(losses))
    for (int64_t row : grid.getRows(unit))
      loss += rows[row];
  return losses;
}

/// Units of `to` become those of `from` where these lose less.
static void takeBetter(const AdditiveGrid &grid, ArrayRef<uint32_t> from,
                       ArrayRef<double> fromLosses, AdditiveCodes &to,
                       MutableArrayRef<double> toLosses) {
  for (int64_t unit = 0; unit < grid.getNumUnits(); ++unit) {
    if (!(fromLosses[unit] < toLosses[unit]))
      continue;
    toLosses[unit] = fromLosses[unit];
    for (size_t j = 0; j < grid.getPatterns().size(); ++j) {
      int64_t first = grid.getGroup(unit, j) * grid.getNumTables();
      llvm::copy(from.slice(first, grid.getNumTables()), to.begin() + first);
    }
  }
}

FailureOr<RoundingLosses>
mlir::qfmt::roundVectors(linalg::LinalgOp op, AdditiveWeights &weights,
                         ArrayRef<double> moments,
                         const RoundingSettings &settings) {
  auto forEach = [&](size_t count, llvm::function_ref<void(size_t)> body) {
    parallelFor(op.getContext(), 0, count, body);
  };
  RoundingLosses losses;
  for (int64_t group = 0; group < weights.getMatrices().groups; ++group) {
    RoundingProblem problem = getProblem(weights, group, moments);
    AdditiveGrid grid = weights.makeGrid(group);
    AdditiveCodes codes = weights.getNearest(group), nearest = codes;
    std::vector<double> units = getUnitLosses(problem, grid, codes);
    losses.nearest += sumLosses(units);
    std::optional<AdditiveCodes> found = roundGroupsByErrorFeedback(
        problem, grid, {settings.damping, settings.beam, forEach});
    if (!found)
      return emitNotDefinite(op, settings);
    auto take = [&](ArrayRef<uint32_t> other) {
      takeBetter(grid, other, getUnitLosses(problem, grid, other), codes,
                 units);
    };
    take(*found);
    losses.gptq += sumLosses(units);
    if (settings.method == WeightRoundingMethod::Learned) {
      // Neither beginning is always the better one.
      for (AdditiveCodes start : {codes, nearest}) {
        improveByBeamSearch(problem, grid, start, settings.beam,
                            settings.sweeps, forEach);
        take(start);
      }
      losses.learned += sumLosses(units);
    }
    weights.setCodes(group, codes);
  }
  return losses;
}
