//===- ProblemTest.cpp - What check finds, what limits are ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Assignment/Problem.h"
#include "llvm/ADT/StringExtras.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir::qfmt::assignment;

/// Two groups of i4 and i8 that cost 1 and 2, 10 and 20 bytes.
static Problem makeProblem() {
  Problem problem;
  problem.groups.push_back(
      {"conv1", {{"i4", 0.5, {{"bytes", 1}}}, {"i8", 0.25, {{"bytes", 2}}}}});
  problem.groups.push_back(
      {"fc", {{"i4", 4, {{"bytes", 10}}}, {"i8", 3, {{"bytes", 20}}}}});
  problem.budgets["bytes"] = Budget::atMost(21);
  return problem;
}

static std::string check(const Problem &problem) {
  return llvm::join(problem.check(), "\n");
}

TEST(ProblemTest, GoodProblemsHaveNoErrors) {
  EXPECT_EQ(check(makeProblem()), "");
  Problem problem = makeProblem();
  problem.budgets.clear();
  // Costs that nobody asks for need not be complete.
  problem.groups[0].choices[0].costs["ms"] = 1;
  EXPECT_EQ(check(problem), "");
}

TEST(ProblemTest, Groups) {
  Problem problem = makeProblem();
  problem.groups[1].name = "conv1";
  EXPECT_EQ(check(problem),
            "two groups are named 'conv1': names tell groups apart");
  problem = makeProblem();
  problem.groups[1].choices.clear();
  EXPECT_EQ(check(problem), "group 'fc' has no choices: give at least one "
                            "format");
  problem = makeProblem();
  problem.groups[1].choices[1].format = "i4";
  EXPECT_EQ(check(problem), "group 'fc' has format 'i4' twice: keep one of "
                            "them");
  problem = makeProblem();
  problem.groups[0].name = "";
  EXPECT_EQ(check(problem), "group number 0 has no name");
}

TEST(ProblemTest, Damage) {
  Problem problem = makeProblem();
  problem.groups[0].choices[1].damage = -1e-9;
  EXPECT_EQ(check(problem), "damage of format 'i8' of group 'conv1' is "
                            "negative (-1e-09): give a number that is at "
                            "least 0");
  problem.groups[0].choices[1].damage = std::nan("");
  EXPECT_EQ(check(problem),
            "damage of format 'i8' of group 'conv1' is not a number (NaN): "
            "measure it again or leave the format out");
  problem.groups[0].choices[1].damage = INFINITY;
  EXPECT_EQ(check(problem),
            "damage of format 'i8' of group 'conv1' is infinite: leave the "
            "format out if it must not be chosen");
  problem.groups[0].choices[1].damage = 1.5e308;
  problem.groups[0].choices[0].damage = 1.5e308;
  EXPECT_EQ(check(problem), "the damages add up to more than a double holds: "
                            "use a larger unit");
}

TEST(ProblemTest, Costs) {
  Problem problem = makeProblem();
  problem.groups[1].choices[0].costs["bytes"] = -3;
  EXPECT_EQ(check(problem), "cost 'bytes' of format 'i4' of group 'fc' is -3: "
                            "give a finite number that is at least 0");
  problem = makeProblem();
  problem.groups[1].choices[0].costs.clear();
  EXPECT_EQ(check(problem),
            "format 'i4' of group 'fc' has no cost 'bytes', which has a "
            "budget: give it, 0 if it costs nothing");
}

TEST(ProblemTest, Budgets) {
  Problem problem = makeProblem();
  problem.budgets["ms"] = Budget::atMost(3);
  EXPECT_EQ(check(problem), "budget 'ms' limits a cost that no choice has: "
                            "choices have 'bytes'");
  problem = makeProblem();
  problem.budgets["bytes"] = Budget::ofRange(1.5);
  EXPECT_EQ(check(problem),
            "the fraction of budget 'bytes' is 1.5: give one from 0 (the "
            "cheapest formats) to 1 (the dearest)");
  problem.budgets["bytes"] = Budget();
  EXPECT_EQ(check(problem),
            "budget 'bytes' needs either a maximum or a fraction");
  problem.budgets["bytes"] = Budget::atMost(std::nan(""));
  EXPECT_EQ(check(problem), "the maximum of budget 'bytes' is nan: give a "
                            "finite number, or no budget");
}

TEST(ProblemTest, Ties) {
  Problem problem = makeProblem();
  problem.ties = {{"conv1", "conv2"}};
  EXPECT_EQ(check(problem), "a tie names group 'conv2', which is not there");
  problem.ties = {{"conv1"}};
  EXPECT_EQ(check(problem),
            "a tie names only group 'conv1': name at least two groups");
  problem.ties = {{"conv1", "conv1"}};
  EXPECT_EQ(check(problem), "a tie names group 'conv1' twice");
}

TEST(ProblemTest, ConflictingTies) {
  Problem problem = makeProblem();
  problem.ties = {{"conv1", "fc"}};
  problem.forced = {{"conv1", "i4"}, {"fc", "i8"}};
  EXPECT_EQ(check(problem),
            "conflicting ties: tied groups need the same format, but 'conv1' "
            "(forced to 'i4'), 'fc' (forced to 'i8') are forced to different "
            "ones: force one format, or untie them");
  problem.forced.clear();
  problem.groups[1].choices[0].format = "f8";
  problem.groups[1].choices[1].format = "f4";
  EXPECT_EQ(check(problem),
            "conflicting ties: tied groups need the same format, but 'conv1' "
            "(has 'i4', 'i8'), 'fc' (has 'f8', 'f4') have none in common: give "
            "them a common format, or untie them");
}

TEST(ProblemTest, Forced) {
  Problem problem = makeProblem();
  problem.forced = {{"fc", "i2"}, {"head", "i8"}};
  EXPECT_EQ(check(problem),
            "group 'fc' is forced to 'i2', which it does not have: it has "
            "'i4', 'i8'\n"
            "group 'head', forced to 'i8', is not there");
}

TEST(ProblemTest, Pairwise) {
  Problem problem = makeProblem();
  problem.pairwise = {{{"conv1", "fc"}, {"i4", "i2"}, 1},
                      {{"conv1", "conv9"}, {"i4", "i4"}, 1},
                      {{"fc", "fc"}, {"i4", "i8"}, 1},
                      {{"conv1", "fc"}, {"i8", "i8"}, std::nan("")},
                      {{"fc", "conv1"}, {"i8", "i8"}, -1}};
  EXPECT_EQ(check(problem),
            "a pairwise term names format 'i2' of group 'fc', which it does "
            "not have: it has 'i4', 'i8'\n"
            "a pairwise term names group 'conv9', which is not there\n"
            "a pairwise term names group 'fc' twice: put what one format does "
            "into its damage\n"
            "the damage of the pairwise term of 'conv1' ('i8') and 'fc' ('i8') "
            "is nan: give a finite number\n"
            "there are two pairwise terms of 'fc' ('i8') and 'conv1' ('i8'): "
            "add them up");
}

/// Ties and forced choices narrow the range that fractions are of.
TEST(ProblemTest, Limits) {
  Problem problem = makeProblem();
  problem.budgets["bytes"] = Budget::ofRange(0.5);
  EXPECT_EQ(problem.getLimit("bytes"), 11 + 0.5 * (22 - 11));
  problem.forced = {{"fc", "i8"}};
  EXPECT_EQ(problem.getCostRange("bytes").cheapest, 21);
  EXPECT_EQ(problem.getCostRange("bytes").dearest, 22);
  problem.forced.clear();
  problem.groups[0].choices[0].costs["bytes"] = 100;
  EXPECT_EQ(problem.getCostRange("bytes").cheapest, 2 + 10);
  problem.ties = {{"conv1", "fc"}};
  EXPECT_EQ(problem.getCostRange("bytes").cheapest, 2 + 20);
  EXPECT_EQ(problem.getCostRange("bytes").dearest, 100 + 10);
}

TEST(ProblemTest, TiesJoin) {
  Problem problem;
  for (const char *name : {"a", "b", "c", "d", "e"})
    problem.groups.push_back({name, {{"i4", 0, {}}}});
  problem.ties = {{"e", "b"}, {"d", "e"}};
  EXPECT_EQ(problem.getTiedSets(),
            (std::vector<std::vector<unsigned>>{{0}, {1, 3, 4}, {2}}));
}
