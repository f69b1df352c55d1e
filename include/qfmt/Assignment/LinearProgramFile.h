//===- LinearProgramFile.h - A problem for other solvers --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_ASSIGNMENT_LINEARPROGRAMFILE_H
#define QFMT_ASSIGNMENT_LINEARPROGRAMFILE_H

#include "qfmt/Assignment/Problem.h"
#include "llvm/Support/raw_ostream.h"

namespace mlir::qfmt::assignment {

/// Writes the problem, without errors, as integer program in CPLEX's LP format:
/// nothing reduced, so that a solver that reads it judges ours. Variable
/// x<g>_<c> is 1 if group number g has choice number c (comments name them),
/// y<p> if both formats of pairwise term p are chosen:
///     y <= x,  y <= x',  x + x' - y <= 1.
void writeLinearProgram(llvm::raw_ostream &os, const Problem &problem);

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_LINEARPROGRAMFILE_H
