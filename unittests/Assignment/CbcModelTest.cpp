//===- CbcModelTest.cpp - CBC without the search that completes it --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CbcModel.h"
#include "RandomInstances.h"
#include "Solvers.h"
#include "gtest/gtest.h"

using namespace mlir::qfmt::assignment;

/// CBC's own answer is the optimum wherever it keeps the budgets; it may exceed
/// one by its tolerance, so these have no numbers over many decades.
TEST(CbcModelTest, FindsTheOptimumOfRandomInstances) {
  unsigned solved = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    if (seed % 3 == 2)
      continue;
    SCOPED_TRACE(seed);
    Problem problem = makeRandomProblem(seed);
    llvm::Expected<Solution> expected =
        createExhaustiveSolver()->solve(problem, {});
    ASSERT_TRUE(bool(expected));
    IndexedProblem indexed(problem);
    ReducedProblem reduced(indexed);
    std::optional<std::vector<unsigned>> found = solveByCbc(reduced, {});
    ASSERT_EQ(found.has_value(), expected->status == Status::Optimal);
    if (!found)
      continue;
    ++solved;
    Assignment assignment = reduced.getAssignment(*found);
    EXPECT_TRUE(indexed.keepsBudgets(assignment));
    EXPECT_NEAR(indexed.getObjective(assignment), expected->objective, 1e-6);
  }
  EXPECT_GT(solved, 100u);
}

/// With a best objective and prices it finds what is at least as good.
TEST(CbcModelTest, ImprovesWhatIsKnown) {
  for (uint64_t seed = 0; seed < 300; seed += 3) {
    SCOPED_TRACE(seed);
    Problem problem = makeRandomProblem(seed);
    llvm::Expected<Solution> expected =
        createExhaustiveSolver()->solve(problem, {});
    ASSERT_TRUE(bool(expected));
    if (expected->status != Status::Optimal)
      continue;
    IndexedProblem indexed(problem);
    ReducedProblem reduced(indexed);
    CbcOptions options;
    options.multipliers = computePrices(reduced).multipliers;
    options.best = expected->objective + 1;
    options.bound = expected->objective - 1;
    std::optional<std::vector<unsigned>> found = solveByCbc(reduced, options);
    ASSERT_TRUE(found.has_value());
    EXPECT_NEAR(indexed.getObjective(reduced.getAssignment(*found)),
                expected->objective, 1e-6);
  }
}

/// What restrictTo leaves has the same objectives.
TEST(CbcModelTest, RestrictedProblemsKeepTheirNumbers) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Problem problem = makeRandomProblem(seed);
    IndexedProblem indexed(problem);
    ReducedProblem reduced(indexed);
    std::vector<std::vector<unsigned>> kept;
    for (const ReducedProblem::Set &set : reduced.sets)
      kept.push_back({unsigned(set.options.size() - 1)});
    ReducedProblem restricted = reduced.restrictTo(kept);
    std::vector<unsigned> last;
    double sum = 0;
    for (size_t s = 0; s < kept.size(); ++s) {
      last.push_back(kept[s][0]);
      sum += restricted.sets[s].options[0].damage;
    }
    double objective = indexed.getObjective(reduced.getAssignment(last));
    if (restricted.pairs.empty())
      EXPECT_NEAR(sum, objective, 1e-9 * (1 + std::abs(objective)));
    EXPECT_EQ(restricted.getAssignment(std::vector<unsigned>(kept.size(), 0)),
              reduced.getAssignment(last));
  }
}
