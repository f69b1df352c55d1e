//===- ReinforceTest.cpp --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Assignment/Reinforce.h"
#include "RandomInstances.h"
#include "gtest/gtest.h"
#include <set>

using namespace mlir::qfmt::assignment;

/// Whatever it returns keeps the rules; where it returns nothing nothing is.
TEST(ReinforceTest, IsFeasibleOnRandomInstances) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Problem problem = makeRandomProblem(seed);
    Solution exact =
        llvm::cantFail(createSolver("exhaustive")->solve(problem, {}));
    Solution solution =
        llvm::cantFail(createSolver("reinforce")->solve(problem, {}));
    if (exact.status == Status::Infeasible) {
      EXPECT_EQ(solution.status, Status::Infeasible);
      continue;
    }
    EXPECT_EQ(solution.status, Status::Feasible);
    EXPECT_TRUE(verify(problem, solution).empty());
    EXPECT_GE(solution.objective,
              exact.objective - 1e-9 * std::abs(exact.objective));
  }
}

TEST(ReinforceTest, SameSeedSameResult) {
  Problem problem = makeRandomProblem(4);
  std::vector<Assignment> asked[2];
  for (std::vector<Assignment> &list : asked)
    (void)llvm::cantFail(solveByReinforce(problem,
                                          [&](const Assignment &assignment) {
                                            list.push_back(assignment);
                                            return problem.getObjective(
                                                assignment);
                                          },
                                          {}));
  EXPECT_EQ(asked[0], asked[1]);
  EXPECT_LE(asked[0].size(), 600u * 32 + 1);
}

/// An objective that is no sum: the worst group counts, and i4 is good only
/// next to i4.
TEST(ReinforceTest, TakesAnyObjective) {
  Problem problem;
  for (int g = 0; g < 12; ++g)
    problem.groups.push_back(
        {"g" + std::to_string(g),
         {{"i4", 0, {{"bytes", 1}}}, {"i8", 0, {{"bytes", 2}}}}});
  problem.budgets["bytes"] = Budget::atMost(18);
  auto getDamage = [](const Assignment &assignment) {
    double changes = 0, worst = 0;
    for (size_t g = 0; g < assignment.size(); ++g) {
      if (g > 0)
        changes += assignment[g] != assignment[g - 1];
      worst = std::max(worst, assignment[g] == 0 ? double(g + 1) : 0);
    }
    return 1 + changes + worst;
  };
  Solution solution = llvm::cantFail(solveByReinforce(problem, getDamage, {}));
  EXPECT_EQ(solution.objective, getDamage(solution.assignment));
  EXPECT_TRUE(verify(problem, solution.assignment).empty());
  // The first six have i4, the last six i8: 1 + 1 + 6.
  EXPECT_EQ(solution.objective, 8);
}

/// An objective may take long: nothing is asked for twice.
TEST(ReinforceTest, AsksForEachAssignmentOnce) {
  Problem problem = makeRandomProblem(4);
  std::set<Assignment> asked;
  ReinforceOptions options;
  options.steps = 20;
  options.samples = 8;
  Solution solution = llvm::cantFail(solveByReinforce(
      problem,
      [&](llvm::ArrayRef<Assignment> list)
          -> llvm::Expected<std::vector<double>> {
        EXPECT_LE(list.size(), 8u);
        std::vector<double> damages;
        for (const Assignment &assignment : list) {
          EXPECT_TRUE(asked.insert(assignment).second);
          damages.push_back(problem.getObjective(assignment));
        }
        return damages;
      },
      options));
  EXPECT_EQ(solution.objective, problem.getObjective(solution.assignment));
  EXPECT_TRUE(asked.count(solution.assignment));
}

TEST(ReinforceTest, ErrorsEndTheSearch) {
  Problem problem = makeRandomProblem(4);
  unsigned calls = 0;
  llvm::Expected<Solution> solution = solveByReinforce(
      problem,
      [&](llvm::ArrayRef<Assignment>) -> llvm::Expected<std::vector<double>> {
        ++calls;
        return llvm::createStringError("the network cannot run");
      },
      {});
  ASSERT_FALSE(bool(solution));
  EXPECT_EQ(llvm::toString(solution.takeError()), "the network cannot run");
  EXPECT_EQ(calls, 1u);
}

TEST(ReinforceTest, NeverChoosesWhatHasInfiniteDamage) {
  Problem problem;
  for (int g = 0; g < 4; ++g)
    problem.groups.push_back({"g" + std::to_string(g),
                              {{"i2", 0, {}}, {"i4", 0, {}}, {"i8", 0, {}}}});
  auto solve = [&](bool isAlwaysInfinite) {
    return llvm::cantFail(solveByReinforce(
        problem,
        [&](llvm::ArrayRef<Assignment> list)
            -> llvm::Expected<std::vector<double>> {
          std::vector<double> damages;
          for (const Assignment &assignment : list)
            damages.push_back(isAlwaysInfinite || assignment[1] == 0
                                  ? std::numeric_limits<double>::infinity()
                                  : assignment[0] + assignment[1]);
          return damages;
        },
        {}));
  };
  EXPECT_EQ(solve(false).objective, 1);
  EXPECT_EQ(solve(true).status, Status::Unknown);
}
