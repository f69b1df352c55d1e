//===- Solver.cpp - What all solvers share --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Assignment/Solver.h"
#include "IndexedProblem.h"
#include "Number.h"
#include "Solvers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir::qfmt::assignment;
using llvm::formatv;
using llvm::StringRef;

namespace {
struct SolverEntry {
  StringRef name;
  std::unique_ptr<Solver> (*create)();
};
} // namespace

static constexpr SolverEntry kSolvers[] = {
    {"cbc", createCbcSolver},
    {"exhaustive", createExhaustiveSolver},
    {"reinforce", createReinforceSolver},
};

Solver::~Solver() = default;

std::unique_ptr<Solver> mlir::qfmt::assignment::createSolver(StringRef name) {
  for (const SolverEntry &entry : kSolvers)
    if (entry.name == name)
      return entry.create();
  return nullptr;
}

std::string mlir::qfmt::assignment::getSolverNames() {
  return llvm::join(
      llvm::map_range(kSolvers,
                      [](const SolverEntry &entry) { return entry.name; }),
      ", ");
}

llvm::Error mlir::qfmt::assignment::checkProblem(const Problem &problem) {
  std::vector<std::string> errors = problem.check();
  if (errors.empty())
    return llvm::Error::success();
  return llvm::createStringError(llvm::join(errors, "\n"));
}

Shortfall mlir::qfmt::assignment::describeShortfall(const Problem &problem,
                                                    const Assignment &closest) {
  IndexedProblem indexed(problem);
  Shortfall shortfall;
  bool eachFits = true;
  for (auto [index, name] : llvm::enumerate(indexed.budgetNames)) {
    double least = problem.getCostRange(name).cheapest;
    double limit = indexed.limits[index];
    shortfall.alone[name] = {least, limit, limit - least};
    eachFits &= indexed.keepsBudget(index, least);
  }
  if (!eachFits)
    return shortfall;
  for (auto [index, name] : llvm::enumerate(indexed.budgetNames)) {
    double used = indexed.getBudgetCost(index, closest);
    double limit = indexed.limits[index];
    shortfall.together[name] = {used, limit, limit - used};
  }
  return shortfall;
}

std::vector<std::string>
mlir::qfmt::assignment::explainInfeasibility(const Problem &problem,
                                             const Solution &solution) {
  std::vector<std::string> sentences;
  if (solution.status != Status::Infeasible)
    return sentences;
  IndexedProblem indexed(problem);
  const Shortfall &shortfall = solution.shortfall;
  for (auto [index, name] : llvm::enumerate(indexed.budgetNames)) {
    const BudgetUse &use = shortfall.alone.at(name);
    if (!indexed.keepsBudget(index, use.used))
      sentences.push_back(formatv(
          "budget '{0}' is too small by {1}: the cheapest formats use "
          "{2}, the limit is {3}; raise it to {2}, or give cheaper "
          "formats",
          name, toString(-use.slack), toString(use.used), toString(use.limit)));
  }
  if (!sentences.empty())
    return sentences;
  std::vector<std::string> parts;
  for (auto [index, name] : llvm::enumerate(indexed.budgetNames)) {
    const BudgetUse &use = shortfall.together.at(name);
    if (!indexed.keepsBudget(index, use.used))
      parts.push_back(formatv("'{0}' by {1} ({2} of {3})", name,
                              toString(-use.slack), toString(use.used),
                              toString(use.limit)));
  }
  sentences.push_back(
      formatv("each budget alone can be kept, but not all together: the "
              "closest assignment exceeds {0}; raise one of them",
              llvm::join(parts, ", ")));
  return sentences;
}
