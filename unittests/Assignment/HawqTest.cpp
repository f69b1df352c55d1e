//===- HawqTest.cpp - HAWQ-V3's published configurations ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Assignment/Json.h"
#include "qfmt/Assignment/Solver.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

using namespace mlir::qfmt::assignment;

namespace {
struct HawqTest : testing::TestWithParam<const char *> {
  static Problem load(const std::string &name) {
    std::string path =
        QFMT_ASSIGNMENT_INPUTS "/hawq-resnet18-" + name + ".json";
    auto buffer = llvm::MemoryBuffer::getFile(path);
    if (!buffer) {
      ADD_FAILURE() << "no " << path;
      return {};
    }
    return llvm::cantFail(parseProblem((*buffer)->getBuffer()));
  }

  static std::map<std::string, std::string>
  getChoice(const Problem &problem, const Solution &solution) {
    std::map<std::string, std::string> choice;
    for (size_t g = 0; g < solution.assignment.size(); ++g)
      choice[problem.groups[g].name] =
          problem.groups[g].choices[solution.assignment[g]].format;
    return choice;
  }
};
} // namespace

TEST_P(HawqTest, PublishedConfigurationIsTheOptimum) {
  Problem problem = load(GetParam());
  ASSERT_TRUE(problem.check().empty());
  ASSERT_EQ(problem.groups.size(), 19u);
  EXPECT_TRUE(verifyExpected(problem).empty());
  for (const char *solver : {"cbc", "exhaustive"}) {
    SolverOptions options;
    options.nodesBeforeCbc = 0;
    Solution solution =
        llvm::cantFail(createSolver(solver)->solve(problem, options));
    EXPECT_EQ(solution.status, Status::Optimal);
    EXPECT_EQ(getChoice(problem, solution), problem.expected->choice);
    EXPECT_NEAR(solution.objective, *problem.expected->objective, 1e-12);
    EXPECT_TRUE(compareToExpected(problem, solution).empty());
  }
}

TEST_P(HawqTest, ReinforceIsWithinOnePercent) {
  Problem problem = load(GetParam());
  for (uint64_t seed = 0; seed < 5; ++seed) {
    SolverOptions options;
    options.seed = seed;
    Solution solution =
        llvm::cantFail(createSolver("reinforce")->solve(problem, options));
    EXPECT_EQ(solution.status, Status::Feasible);
    EXPECT_TRUE(verify(problem, solution.assignment).empty());
    EXPECT_LE(solution.objective, 1.01 * *problem.expected->objective) << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Published, HawqTest,
                         testing::Values("bytes-0.75", "bytes-0.5",
                                         "bytes-0.25", "bops-0.75", "bops-0.5",
                                         "bops-0.25", "ms-0.75", "ms-0.5",
                                         "ms-0.25"));
