//===- SolutionTest.cpp - What follows from an assignment -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Assignment/Solution.h"
#include "llvm/ADT/StringExtras.h"
#include "gtest/gtest.h"

using namespace mlir::qfmt::assignment;

static Problem makeProblem() {
  Problem problem;
  problem.groups.push_back({"a",
                            {{"i4", 5, {{"bytes", 10}, {"ms", 2}}},
                             {"i6", 3, {{"bytes", 15}, {"ms", 3}}},
                             {"i8", 1, {{"bytes", 20}, {"ms", 1}}}}});
  problem.groups.push_back({"b",
                            {{"i4", 7, {{"bytes", 1}, {"ms", 2}}},
                             {"i8", 2, {{"bytes", 2}, {"ms", 2}}}}});
  problem.pairwise = {{{"a", "b"}, {"i4", "i8"}, 0.5}};
  problem.budgets["bytes"] = Budget::atMost(13);
  return problem;
}

TEST(SolutionTest, DescribesWhatFollows) {
  Problem problem = makeProblem();
  Solution solution;
  solution.assignment = {0, 1};
  describe(problem, solution);
  EXPECT_EQ(solution.objective, 7.5);
  EXPECT_EQ(solution.budgets.at("bytes").used, 12);
  EXPECT_EQ(solution.budgets.at("bytes").limit, 13);
  EXPECT_EQ(solution.budgets.at("bytes").slack, 1);
  EXPECT_EQ(solution.costs.at("ms"), 4);
  // The next better is i6, not i8: it saves least; the pair goes too.
  ASSERT_TRUE(solution.nextBetter[0].has_value());
  EXPECT_EQ(solution.nextBetter[0]->choice, 1u);
  EXPECT_EQ(solution.nextBetter[0]->damageSaved, 2.5);
  EXPECT_EQ(solution.nextBetter[0]->extraCosts.at("bytes"), 5);
  EXPECT_EQ(solution.nextBetter[0]->extraCosts.at("ms"), 1);
  EXPECT_EQ(solution.nextBetter[0]->exceeds.at("bytes"), 4);
  EXPECT_FALSE(solution.nextBetter[1].has_value());
}

TEST(SolutionTest, TiedGroupsImproveTogether) {
  Problem problem = makeProblem();
  problem.ties = {{"a", "b"}};
  problem.budgets["bytes"] = Budget::atMost(22);
  Solution solution;
  solution.assignment = {0, 0};
  describe(problem, solution);
  EXPECT_EQ(solution.nextBetter[0]->choice, 2u);
  EXPECT_EQ(solution.nextBetter[1]->choice, 1u);
  for (int group : {0, 1}) {
    EXPECT_EQ(solution.nextBetter[group]->damageSaved, 9);
    EXPECT_EQ(solution.nextBetter[group]->extraCosts.at("bytes"), 11);
    EXPECT_TRUE(solution.nextBetter[group]->exceeds.empty());
  }
}

TEST(SolutionTest, VerifyFindsWhatIsWrong) {
  Problem problem = makeProblem();
  auto getErrors = [&](const Assignment &assignment) {
    return llvm::join(verify(problem, assignment), "\n");
  };
  EXPECT_EQ(getErrors({0, 0}), "");
  EXPECT_EQ(getErrors({0}), "the assignment has 1 groups, the problem 2");
  EXPECT_EQ(getErrors({0, 2}), "group 'b' has no choice number 2");
  EXPECT_EQ(getErrors({1, 0}), "budget 'bytes' is exceeded by 3: 16 of 13");
  problem.ties = {{"a", "b"}};
  problem.forced = {{"b", "i4"}};
  EXPECT_EQ(getErrors({0, 1}),
            "tied groups 'a' and 'b' have different formats: 'i4' and 'i8'\n"
            "group 'b' is forced to 'i4' but has 'i8'");
}

TEST(SolutionTest, VerifyRecomputesNumbers) {
  Problem problem = makeProblem();
  Solution solution;
  solution.assignment = {0, 1};
  describe(problem, solution);
  solution.bound = solution.objective;
  EXPECT_TRUE(verify(problem, solution).empty());
  Solution wrong = solution;
  wrong.objective = 7;
  EXPECT_EQ(llvm::join(verify(problem, wrong), "\n"),
            "the objective is 7.5, not 7\n"
            "the bound 7.5 is above the objective 7");
  wrong = solution;
  wrong.budgets["bytes"].slack = 0;
  EXPECT_EQ(llvm::join(verify(problem, wrong), "\n"),
            "budget 'bytes' uses 12 of 13; the solution says otherwise");
}

TEST(SolutionTest, KnownOptimumWithoutSolver) {
  Problem problem = makeProblem();
  auto getErrors = [&](KnownOptimum known) {
    problem.expected = std::move(known);
    return llvm::join(verifyExpected(problem), "\n");
  };
  EXPECT_EQ(getErrors({7.5, {{"a", "i4"}, {"b", "i8"}}}), "");
  EXPECT_EQ(getErrors({7, {{"a", "i4"}, {"b", "i8"}}}),
            "the known optimum claims objective 7, but its choice has 7.5");
  EXPECT_EQ(getErrors({std::nullopt, {{"a", "i8"}, {"b", "i8"}}}),
            "budget 'bytes' is exceeded by 9: 22 of 13");
  EXPECT_EQ(getErrors({std::nullopt, {{"a", "i8"}}}),
            "the known optimum has no format for group 'b'");
  EXPECT_EQ(getErrors({std::nullopt, {{"a", "i2"}, {"c", "i8"}}}),
            "the known optimum has format 'i2' for group 'a', which it does "
            "not have\n"
            "the known optimum names group 'c', which is not there");
}

TEST(SolutionTest, ComparesToKnownOptimum) {
  Problem problem = makeProblem();
  problem.expected = KnownOptimum{7.5, {}};
  Solution solution;
  solution.status = Status::Optimal;
  solution.assignment = {0, 0};
  describe(problem, solution);
  EXPECT_EQ(llvm::join(compareToExpected(problem, solution), "\n"),
            "the objective is 12, expected 7.5");
  // Unproven ones may be worse, not better.
  solution.status = Status::Feasible;
  EXPECT_TRUE(compareToExpected(problem, solution).empty());
  problem.expected->objective = 20;
  EXPECT_EQ(llvm::join(compareToExpected(problem, solution), "\n"),
            "the objective is 12, expected 20");
}
