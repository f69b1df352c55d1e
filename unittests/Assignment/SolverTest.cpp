//===- SolverTest.cpp - Solvers against each other ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RandomInstances.h"
#include "qfmt/Assignment/Json.h"
#include "qfmt/Assignment/ParetoSweep.h"
#include "qfmt/Support/SplitMix64.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"
#include <map>

using namespace mlir::qfmt::assignment;

static Solution solve(const Problem &problem, llvm::StringRef solver,
                      const SolverOptions &options = {}) {
  llvm::Expected<Solution> solution =
      createSolver(solver)->solve(problem, options);
  if (!solution) {
    ADD_FAILURE() << llvm::toString(solution.takeError());
    return {};
  }
  return std::move(*solution);
}

static std::string print(const Problem &problem) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::OStream stream(os);
  writeProblem(stream, problem);
  return text;
}

static std::string print(const Problem &problem, const Solution &solution) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::OStream stream(os);
  writeSolution(stream, problem, solution);
  return text;
}

/// The same assignment, the same numbers; of infeasible problems the same sum
/// of what is missing.
static void compare(const Problem &problem, const Solution &expected,
                    const Solution &actual) {
  ASSERT_EQ(stringifyStatus(expected.status), stringifyStatus(actual.status))
      << print(problem);
  EXPECT_EQ(expected.assignment, actual.assignment)
      << print(problem) << expected.objective << " " << actual.objective;
  EXPECT_EQ(llvm::join(verify(problem, actual), "\n"), "") << print(problem);
  if (expected.status == Status::Optimal) {
    EXPECT_EQ(print(problem, expected), print(problem, actual));
    return;
  }
  auto getMissing = [](const Solution &solution) {
    double missing = 0;
    for (const auto &[name, use] : solution.shortfall.together)
      if (use.slack < -kRelativeTolerance * std::abs(use.limit))
        missing -= use.slack / (use.limit == 0 ? 1 : std::abs(use.limit));
    return missing;
  };
  EXPECT_NEAR(getMissing(expected), getMissing(actual),
              1e-9 * getMissing(expected))
      << print(problem);
  for (const auto &[name, use] : expected.shortfall.alone)
    EXPECT_EQ(use.used, actual.shortfall.alone.at(name).used);
}

TEST(SolverTest, ExhaustiveEqualsCbcOnRandomInstances) {
  std::map<Status, unsigned> statuses;
  unsigned withPairs = 0, withTies = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(seed);
    Problem problem = makeRandomProblem(seed);
    ASSERT_EQ(llvm::join(problem.check(), "\n"), "");
    Solution expected = solve(problem, "exhaustive");
    SolverOptions options;
    // CBC does what it can first, or the search finds everything alone, or
    // dynamic programming does.
    options.nodesBeforeCbc = seed % 2 == 0 ? 0 : 100000;
    compare(problem, expected, solve(problem, "cbc", options));
    options.nodesBeforeCbc = 100000;
    options.nodesBeforeStates = 0;
    compare(problem, expected, solve(problem, "cbc", options));
    ++statuses[expected.status];
    withPairs += !problem.pairwise.empty();
    withTies += !problem.ties.empty();
    if (HasFailure())
      break;
  }
  // The instances are what they claim to be.
  EXPECT_GT(statuses[Status::Optimal], 600u);
  EXPECT_GT(statuses[Status::Infeasible], 50u);
  EXPECT_GT(withPairs, 300u);
  EXPECT_GT(withTies, 300u);
}

/// Groups that are all alike: the earlier ones stay at the cheaper format.
TEST(SolverTest, TiesLeaveEarlierGroupsCheap) {
  Problem problem;
  for (int i = 0; i < 5; ++i) {
    std::string name = "g" + std::to_string(i);
    problem.groups.push_back(
        {name, {{"i8", 1, {{"bytes", 2}}}, {"i4", 3, {{"bytes", 1}}}}});
  }
  problem.budgets["bytes"] = Budget::atMost(7);
  for (const char *solver : {"exhaustive", "cbc"}) {
    Solution solution = solve(problem, solver);
    EXPECT_EQ(solution.assignment, (Assignment{1, 1, 1, 0, 0})) << solver;
    EXPECT_EQ(solution.objective, 11);
  }
}

/// Nobody says what is cheaper: the first one listed.
TEST(SolverTest, TiesTakeTheFirstListedWithoutBudgets) {
  Problem problem;
  problem.groups.push_back({"a", {{"i8", 1, {}}, {"i4", 1, {}}}});
  for (const char *solver : {"exhaustive", "cbc"})
    EXPECT_EQ(solve(problem, solver).assignment, Assignment{0}) << solver;
}

/// More equal groups than a search could permute.
TEST(SolverTest, ManyEqualGroups) {
  Problem problem;
  for (int i = 0; i < 60; ++i) {
    std::string name = "g" + std::to_string(i);
    problem.groups.push_back({name,
                              {{"i2", 9, {{"bytes", 3}}},
                               {"i4", 4, {{"bytes", 7}}},
                               {"i8", 1, {{"bytes", 11}}}}});
  }
  problem.budgets["bytes"] = Budget::atMost(403);
  Solution solution = solve(problem, "cbc");
  EXPECT_EQ(solution.status, Status::Optimal);
  EXPECT_TRUE(verify(problem, solution).empty());
  EXPECT_EQ(solution.bound, solution.objective);
  EXPECT_TRUE(llvm::is_sorted(solution.assignment));
}

/// 1e-9 of a budget decides, far below what CBC tells apart.
TEST(SolverTest, TellsBudgetsThatAreJustMissed) {
  Problem problem;
  problem.groups.push_back(
      {"a", {{"cheap", 5, {{"ms", 1e6}}}, {"dear", 1, {{"ms", 1e6 + 1e-3}}}}});
  for (double limit : {1e6 + 1e-3, 1e6 + 0.5e-3}) {
    problem.budgets["ms"] = Budget::atMost(limit);
    SolverOptions options;
    options.nodesBeforeCbc = 0;
    Solution solution = solve(problem, "cbc", options);
    EXPECT_EQ(solution.objective, limit == 1e6 + 1e-3 ? 1 : 5);
    EXPECT_EQ(solution.status, Status::Optimal);
  }
}

/// A sum of decimals that comes out one rounding too large keeps its budget.
TEST(SolverTest, KeepsBudgetsInDecimals) {
  Problem problem;
  for (const char *name : {"a", "b"})
    problem.groups.push_back({name, {{"i4", 1, {{"ms", 0.1}}}}});
  problem.groups[1].choices[0].costs["ms"] = 0.2;
  problem.budgets["ms"] = Budget::atMost(0.3);
  ASSERT_GT(0.1 + 0.2, 0.3);
  for (const char *solver : {"exhaustive", "cbc", "reinforce"})
    EXPECT_FALSE(solve(problem, solver).assignment.empty()) << solver;
}

TEST(SolverTest, SaysWhichBudgetIsTooSmall) {
  Problem problem;
  problem.groups.push_back({"a",
                            {{"i4", 2, {{"bytes", 10}, {"ms", 5}}},
                             {"i8", 1, {{"bytes", 20}, {"ms", 3}}}}});
  problem.budgets["bytes"] = Budget::atMost(8);
  problem.budgets["ms"] = Budget::atMost(9);
  for (const char *solver : {"exhaustive", "cbc", "reinforce"}) {
    Solution solution = solve(problem, solver);
    ASSERT_EQ(solution.status, Status::Infeasible) << solver;
    EXPECT_EQ(llvm::join(explainInfeasibility(problem, solution), "\n"),
              "budget 'bytes' is too small by 2: the cheapest formats use 10, "
              "the limit is 8; raise it to 10, or give cheaper formats");
  }
  // Each alone, but not both.
  problem.budgets["bytes"] = Budget::atMost(10);
  problem.budgets["ms"] = Budget::atMost(3);
  for (const char *solver : {"exhaustive", "cbc", "reinforce"}) {
    Solution solution = solve(problem, solver);
    ASSERT_EQ(solution.status, Status::Infeasible) << solver;
    EXPECT_EQ(llvm::join(explainInfeasibility(problem, solution), "\n"),
              "each budget alone can be kept, but not all together: the "
              "closest assignment exceeds 'ms' by 2 (5 of 3); raise one of "
              "them");
  }
}

// What one format saves of one budget it takes of the other: all assignments
// are equally far from keeping both, and none is better than another.
TEST(SolverTest, OpposedBudgetsAreInfeasible) {
  mlir::qfmt::SplitMix64 random(1);
  Problem problem;
  for (int i = 0; i < 60; ++i) {
    Group &group = problem.groups.emplace_back();
    group.name = "g" + std::to_string(i);
    double size = 100 + random.uniform() * 900;
    for (int bits = 2; bits <= 8; ++bits) {
      double share = random.uniform();
      group.choices.push_back(
          {"i" + std::to_string(bits),
           random.uniform(),
           {{"a", size * share}, {"b", size * (1 - share)}}});
    }
  }
  for (double fraction : {0.3, 0.49}) {
    problem.budgets["a"] = problem.budgets["b"] = Budget::ofRange(fraction);
    EXPECT_EQ(solve(problem, "cbc").status, Status::Infeasible) << fraction;
  }
}

TEST(SolverTest, ExhaustiveRefusesLargeProblems) {
  Problem problem;
  for (int i = 0; i < 40; ++i)
    problem.groups.push_back(
        {"g" + std::to_string(i), {{"i4", 1, {}}, {"i8", 2, {}}}});
  llvm::Expected<Solution> solution =
      createSolver("exhaustive")->solve(problem, {});
  ASSERT_FALSE(bool(solution));
  EXPECT_EQ(llvm::toString(solution.takeError()),
            "the exhaustive solver tries every assignment, and this problem "
            "has 1.1e+12 (limit 4.0e+06): use another solver");
}

TEST(SolverTest, RefusesProblemsWithErrors) {
  for (const char *solver : {"exhaustive", "cbc", "reinforce"}) {
    llvm::Expected<Solution> solution = createSolver(solver)->solve({}, {});
    ASSERT_FALSE(bool(solution));
    EXPECT_EQ(llvm::toString(solution.takeError()),
              "the problem has no groups: give at least one");
  }
  EXPECT_EQ(createSolver("simplex"), nullptr);
  EXPECT_EQ(getSolverNames(), "cbc, exhaustive, reinforce");
}

/// Time that is over at once leaves what the first heuristic found.
TEST(SolverTest, StopsInTime) {
  InstanceRandom random(7);
  Problem problem;
  for (int g = 0; g < 200; ++g) {
    Group group{"g" + std::to_string(g), {}};
    for (int c = 0; c < 8; ++c)
      group.choices.push_back(
          {"f" + std::to_string(c),
           random.real(),
           {{"a", random.real()}, {"b", random.real()}, {"c", random.real()}}});
    problem.groups.push_back(group);
  }
  for (const char *cost : {"a", "b", "c"})
    problem.budgets[cost] = Budget::ofRange(0.3);
  SolverOptions options;
  options.timeLimit = 1e-9;
  Solution solution = solve(problem, "cbc", options);
  if (solution.status == Status::Unknown)
    return;
  EXPECT_EQ(solution.status, Status::Feasible);
  EXPECT_TRUE(verify(problem, solution).empty());
  EXPECT_LE(solution.bound, solution.objective);
}

TEST(SolverTest, SweepNeverRises) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Problem problem = makeRandomProblem(seed);
    if (problem.budgets.empty())
      continue;
    std::string name = problem.budgets.begin()->first;
    problem.budgets = {};
    llvm::Expected<std::vector<ParetoPoint>> points =
        sweepBudget(problem, name, 16, *createSolver("cbc"), {});
    ASSERT_TRUE(bool(points));
    ASSERT_EQ(points->size(), 17u);
    EXPECT_EQ(points->front().fraction, 0);
    EXPECT_EQ(points->back().fraction, 1);
    for (size_t i = 0; i < points->size(); ++i) {
      ASSERT_EQ((*points)[i].solution.status, Status::Optimal);
      if (i > 0)
        EXPECT_LE((*points)[i].solution.objective,
                  (*points)[i - 1].solution.objective);
    }
  }
}
