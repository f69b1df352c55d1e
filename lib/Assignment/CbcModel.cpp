//===- CbcModel.cpp -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CbcModel.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <coin/Cbc_C_Interface.h>

using namespace mlir::qfmt::assignment;

/// Of the objective, from the lower bound to the best known assignment: far
/// above CBC's tolerances (1e-6), far below what it takes for infinite.
static constexpr double kObjectiveRange = 1000;
/// CLP gives up at 1e25; differences of larger ones are noise well before.
static constexpr double kLargestCoefficient = 1e9;

namespace {
/// The relaxation with slack columns, and x restricted to integers.
class Model {
public:
  Model(const ReducedProblem &problem, const CbcOptions &options);
  ~Model() { Cbc_deleteModel(cbc); }
  std::optional<std::vector<unsigned>> solve();

private:
  void setObjective();
  void addSlack();
  void load();
  void setParameters();

  const ReducedProblem &problem;
  const CbcOptions &options;
  LinearProgram program;
  std::vector<double> multipliers;
  /// The objective of the model is (objective - offset) * scale.
  CompensatedSum offset;
  double scale = 1;
  Cbc_Model *cbc = Cbc_newModel();
};
} // namespace

Model::Model(const ReducedProblem &problem, const CbcOptions &options)
    : problem(problem), options(options), program(problem),
      multipliers(options.multipliers) {
  multipliers.resize(problem.limits.size(), 0.0);
  setObjective();
  addSlack();
  load();
  setParameters();
}

/// damage = multipliers * limit - multipliers * slack + sum of
/// (damage + multipliers * cost), where each set's least is taken out.
void Model::setObjective() {
  for (auto [multiplier, limit] : llvm::zip_equal(multipliers, problem.limits))
    offset += -multiplier * limit;
  for (auto [index, set] : llvm::enumerate(problem.sets)) {
    double *first = &program.objective[program.firstColumn[index]];
    for (auto [number, option] : llvm::enumerate(set.options))
      for (auto [multiplier, cost] : llvm::zip_equal(multipliers, option.costs))
        first[number] += multiplier * cost;
    double least = *std::min_element(first, first + set.options.size());
    offset += least;
    for (size_t i = 0; i < set.options.size(); ++i)
      first[i] -= least;
  }
  double largest = 0;
  for (double value : program.objective)
    largest = std::max(largest, std::abs(value));
  for (double multiplier : multipliers)
    largest = std::max(largest, multiplier);
  double range = largest;
  if (options.best && options.bound)
    range = std::max(*options.best - *options.bound,
                     largest * (kObjectiveRange / kLargestCoefficient));
  if (range > 0)
    scale = kObjectiveRange / range;
  for (double &value : program.objective)
    value *= scale;
}

void Model::addSlack() {
  for (auto [budget, multiplier] : llvm::enumerate(multipliers)) {
    unsigned row = program.firstBudgetRow + budget;
    program.rowLower[row] = program.rowUpper[row];
    program.objective.push_back(multiplier * scale);
    program.rows.push_back(row);
    program.entries.push_back(1);
    program.starts.push_back(program.rows.size());
  }
}

void Model::load() {
  std::vector<double> lower(program.getNumColumns(), 0.0);
  std::vector<double> upper(program.getNumColumns(), 1.0);
  // Costs are not negative: no slack is larger than its limit.
  for (auto [budget, limit] : llvm::enumerate(problem.limits))
    upper[program.getNumColumns() - problem.limits.size() + budget] =
        std::max(0.0, limit);
  Cbc_loadProblem(cbc, program.getNumColumns(), program.getNumRows(),
                  program.starts.data(), program.rows.data(),
                  program.entries.data(), lower.data(), upper.data(),
                  program.objective.data(), program.rowLower.data(),
                  program.rowUpper.data());
  for (unsigned column = 0; column < program.numOptionColumns; ++column)
    Cbc_setInteger(cbc, column);
}

void Model::setParameters() {
  Cbc_setLogLevel(cbc, 0);
  Cbc_setParameter(cbc, "randomSeed", "1");
  Cbc_setParameter(cbc, "randomCbcSeed", "1");
  Cbc_setParameter(cbc, "ratioGap", "0");
  Cbc_setParameter(cbc, "allowableGap", "0");
  Cbc_setParameter(cbc, "increment", "1e-7");
  Cbc_setParameter(cbc, "maxNodes", std::to_string(options.maxNodes).c_str());
  if (double left = options.deadline.getLeft(); std::isfinite(left)) {
    Cbc_setParameter(cbc, "timeMode", "elapsed");
    Cbc_setParameter(cbc, "seconds", std::to_string(left).c_str());
  }
  if (options.best) {
    double cutoff = (*options.best - offset.get()) * scale;
    Cbc_setParameter(cbc, "cutoff", std::to_string(cutoff + 1e-3).c_str());
  }
}

std::optional<std::vector<unsigned>> Model::solve() {
  Cbc_solve(cbc);
  const double *values = Cbc_bestSolution(cbc);
  if (!values)
    return std::nullopt;
  std::vector<unsigned> chosen;
  for (auto [index, set] : llvm::enumerate(problem.sets)) {
    const double *first = values + program.firstColumn[index];
    chosen.push_back(std::max_element(first, first + set.options.size()) -
                     first);
  }
  return chosen;
}

std::optional<std::vector<unsigned>>
mlir::qfmt::assignment::solveByCbc(const ReducedProblem &problem,
                                   const CbcOptions &options) {
  return Model(problem, options).solve();
}
