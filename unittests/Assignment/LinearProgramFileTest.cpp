//===- LinearProgramFileTest.cpp - Others read our models -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Assignment/LinearProgramFile.h"
#include "RandomInstances.h"
#include "qfmt/Assignment/Solver.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"
#include <coin/Cbc_C_Interface.h>

using namespace mlir::qfmt::assignment;

/// What CBC finds in the file: nothing if it is infeasible.
static std::optional<double> solveFile(const Problem &problem) {
  llvm::SmallString<128> path;
  int file;
  if (llvm::sys::fs::createTemporaryFile("qfmt", "lp", file, path)) {
    ADD_FAILURE() << "no temporary file";
    return std::nullopt;
  }
  {
    llvm::raw_fd_ostream os(file, /*shouldClose=*/true);
    writeLinearProgram(os, problem);
  }
  Cbc_Model *model = Cbc_newModel();
  Cbc_setLogLevel(model, 0);
  EXPECT_EQ(Cbc_readLp(model, path.c_str()), 0);
  Cbc_setParameter(model, "ratioGap", "0");
  Cbc_setParameter(model, "allowableGap", "0");
  Cbc_setParameter(model, "increment", "1e-9");
  Cbc_solve(model);
  std::optional<double> objective;
  if (Cbc_bestSolution(model))
    objective = Cbc_getObjValue(model);
  Cbc_deleteModel(model);
  llvm::sys::fs::remove(path);
  return objective;
}

TEST(LinearProgramFileTest, HasTheSameOptimum) {
  unsigned solved = 0;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    // Without numbers over 18 decades, which CBC's tolerances blur.
    if (seed % 3 == 2)
      continue;
    SCOPED_TRACE(seed);
    Problem problem = makeRandomProblem(seed);
    Solution expected =
        llvm::cantFail(createSolver("exhaustive")->solve(problem, {}));
    std::optional<double> objective = solveFile(problem);
    ASSERT_EQ(objective.has_value(), expected.status == Status::Optimal);
    if (!objective)
      continue;
    ++solved;
    EXPECT_NEAR(*objective, expected.objective, 1e-6);
  }
  EXPECT_GT(solved, 50u);
}
