//===- Json.h - Problems and solutions as JSON ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A problem:
//
//   {"groups": [{"name": "conv1",
//                "choices": [{"format": "i4", "damage": 0.31,
//                             "costs": {"bytes": 1152, "ms": 0.08}}, ...]},
//               ...],
//    "pairwise": [{"groups": ["conv1", "conv2"], "formats": ["i4", "i4"],
//                  "damage": 0.02}],
//    "ties": [["conv3", "conv3_down"]],
//    "forced": {"fc": "i8"},
//    "budgets": {"bytes": {"max": 900000}, "ms": {"fraction": 0.5}},
//    "expected": {"objective": 1.23, "choice": {"conv1": "i4", ...}}}
//
// Only "groups" must be there. A solution:
//
//   {"status": "optimal", "objective": 1.23, "bound": 1.23,
//    "choice": {"conv1": "i4", ...},
//    "budgets": {"bytes": {"used": ..., "limit": ..., "slack": ...}, ...},
//    "costs": {"bytes": ..., ...},
//    "next": {"conv1": {"format": "i8", "damage_saved": 0.3,
//                       "costs": {"bytes": 1152, ...},
//                       "exceeds": {"bytes": 752}}, ...}}
//
// or, if there is none, {"status": "infeasible", "least": {...}, "closest":
// {...}, "reasons": [...]}: the least use of each budget alone and, if each
// alone can be kept, the closest use of all together.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_JSON_H
#define QFMT_ASSIGNMENT_JSON_H

#include "qfmt/Assignment/Solution.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

namespace mlir::qfmt::assignment {

/// An error for text that is no JSON and for each key that is unknown, missing
/// or of the wrong kind (with its place). The problem itself and its groups may
/// have keys of others, "source" or "params", which are ignored, each with a
/// warning; but none that is nearly one of ours. Does not check() the problem.
llvm::Expected<Problem>
parseProblem(llvm::StringRef text,
             std::vector<std::string> *warnings = nullptr);

/// "choice" and, if it is there, "objective" of a solution.
llvm::Expected<KnownOptimum> parseKnownOptimum(llvm::StringRef text);

/// Numbers have as many digits as they need to be the same again; everything
/// is in the order of the problem.
void writeProblem(llvm::json::OStream &stream, const Problem &problem);
void writeSolution(llvm::json::OStream &stream, const Problem &problem,
                   const Solution &solution);
/// The members only, for an object that has more.
void writeSolutionMembers(llvm::json::OStream &stream, const Problem &problem,
                          const Solution &solution);
void writeNumber(llvm::json::OStream &stream, llvm::StringRef key,
                 double value);

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_JSON_H
