//===- ReinforceTest.cpp --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Assignment/Reinforce.h"
#include "RandomInstances.h"
#include "gtest/gtest.h"

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
