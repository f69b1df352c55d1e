//===- Relaxation.cpp -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Relaxation.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <coin/Clp_C_Interface.h>
#include <limits>
#include <map>

using namespace mlir::qfmt::assignment;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Options with equal rows (columns) of the matrix share a class.
static void classify(const ReducedProblem &problem,
                     const ReducedProblem::Pair &pair,
                     LinearProgram::PairRows &result) {
  size_t sizes[2] = {problem.sets[pair.first].options.size(),
                     problem.sets[pair.second].options.size()};
  for (int side : {0, 1}) {
    std::map<std::vector<double>, unsigned> classes;
    for (size_t option = 0; option < sizes[side]; ++option) {
      std::vector<double> line;
      for (size_t other = 0; other < sizes[1 - side]; ++other)
        line.push_back(side == 0 ? pair.damage[option * sizes[1] + other]
                                 : pair.damage[other * sizes[1] + option]);
      auto [it, isNew] =
          classes.try_emplace(std::move(line), unsigned(classes.size()));
      result.classes[side].push_back(it->second);
    }
    result.numClasses[side] = classes.size();
  }
}

LinearProgram::LinearProgram(const ReducedProblem &problem) {
  auto addRow = [&](double lower, double upper) {
    rowLower.push_back(lower);
    rowUpper.push_back(upper);
    return unsigned(rowLower.size() - 1);
  };
  auto addEntry = [&](unsigned row, double value) {
    if (value == 0)
      return;
    rows.push_back(row);
    entries.push_back(value);
  };
  for (size_t set = 0; set < problem.sets.size(); ++set)
    addRow(1, 1);
  firstBudgetRow = getNumRows();
  for (double limit : problem.limits)
    addRow(-kInfinity, limit);
  std::vector<std::vector<std::pair<size_t, int>>> pairsOfSet(
      problem.sets.size());
  for (auto [index, pair] : llvm::enumerate(problem.pairs)) {
    pairsOfSet[pair.first].push_back({index, 0});
    pairsOfSet[pair.second].push_back({index, 1});
    PairRows &info = pairRows.emplace_back();
    classify(problem, pair, info);
    for (int side : {0, 1}) {
      info.firstRow[side] = getNumRows();
      for (unsigned i = 0; i < info.numClasses[side]; ++i)
        addRow(0, 0);
    }
  }
  for (auto [index, set] : llvm::enumerate(problem.sets)) {
    firstColumn.push_back(getNumColumns());
    for (auto [number, option] : llvm::enumerate(set.options)) {
      starts.push_back(rows.size());
      objective.push_back(option.damage);
      addEntry(index, 1);
      for (auto [budget, cost] : llvm::enumerate(option.costs))
        addEntry(firstBudgetRow + budget, cost);
      for (auto [pair, side] : pairsOfSet[index]) {
        const PairRows &info = pairRows[pair];
        addEntry(info.firstRow[side] + info.classes[side][number], -1);
      }
    }
  }
  numOptionColumns = getNumColumns();
  for (auto [pair, info] : llvm::zip_equal(problem.pairs, pairRows)) {
    size_t columns = problem.sets[pair.second].options.size();
    for (unsigned i = 0; i < info.numClasses[0]; ++i)
      for (unsigned j = 0; j < info.numClasses[1]; ++j) {
        size_t row = llvm::find(info.classes[0], i) - info.classes[0].begin();
        size_t column =
            llvm::find(info.classes[1], j) - info.classes[1].begin();
        starts.push_back(rows.size());
        objective.push_back(pair.damage[row * columns + column]);
        addEntry(info.firstRow[0] + i, 1);
        addEntry(info.firstRow[1] + j, 1);
      }
  }
  starts.push_back(rows.size());
}

Prices mlir::qfmt::assignment::computePrices(const ReducedProblem &problem) {
  LinearProgram program(problem);
  Prices prices;
  prices.multipliers.assign(problem.limits.size(), 0);
  for (const ReducedProblem::Set &set : problem.sets) {
    auto &row = prices.damage.emplace_back();
    for (const ReducedProblem::Option &option : set.options)
      row.push_back(option.damage);
  }
  for (const ReducedProblem::Pair &pair : problem.pairs)
    prices.pairDamage.push_back(pair.damage);

  // Damage in units of its typical size: tolerances are absolute.
  double largest = 0;
  for (double value : program.objective)
    largest = std::max(largest, std::abs(value));
  if (largest == 0)
    return prices;
  std::vector<double> objective = program.objective;
  for (double &value : objective)
    value *= 1000 / largest;
  std::vector<double> lower(program.getNumColumns(), 0),
      upper(program.getNumColumns(), kInfinity);
  Clp_Simplex *clp = Clp_newModel();
  Clp_setLogLevel(clp, 0);
  Clp_loadProblem(
      clp, program.getNumColumns(), program.getNumRows(), program.starts.data(),
      program.rows.data(), program.entries.data(), lower.data(), upper.data(),
      objective.data(), program.rowLower.data(), program.rowUpper.data());
  Clp_dual(clp, /*ifValuesPass=*/0);
  // Any prices are right; those of a program without optimum are only bad.
  if (Clp_status(clp) != 0) {
    Clp_deleteModel(clp);
    return prices;
  }
  const double *duals = Clp_dualRowSolution(clp);
  auto getDual = [&](unsigned row) {
    double dual = duals[row] * (largest / 1000);
    return std::isfinite(dual) ? dual : 0;
  };
  for (auto [budget, multiplier] : llvm::enumerate(prices.multipliers))
    multiplier = std::max(0.0, -getDual(program.firstBudgetRow + budget));
  for (auto [index, pair] : llvm::enumerate(problem.pairs)) {
    const LinearProgram::PairRows &info = program.pairRows[index];
    auto getShift = [&](int side, size_t option) {
      return getDual(info.firstRow[side] + info.classes[side][option]);
    };
    std::vector<double> &first = prices.damage[pair.first];
    std::vector<double> &second = prices.damage[pair.second];
    for (size_t i = 0; i < first.size(); ++i)
      first[i] += getShift(0, i);
    for (size_t j = 0; j < second.size(); ++j)
      second[j] += getShift(1, j);
    for (size_t i = 0; i < first.size(); ++i)
      for (size_t j = 0; j < second.size(); ++j)
        prices.pairDamage[index][i * second.size() + j] -=
            getShift(0, i) + getShift(1, j);
  }
  Clp_deleteModel(clp);
  return prices;
}
