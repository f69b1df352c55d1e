//===- Report.h - Why each layer got what it got ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A solved problem as JSON, as remarks and as attributes of layers.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_REPORT_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_REPORT_H

#include "LayerProblem.h"
#include "qfmt/Assignment/Solution.h"

namespace mlir::qfmt {

/// A solution of a problem; refers to both.
struct Report {
  const LayerProblem &network;
  const assignment::Solution &solution;
  StringRef solver;
  StringRef measure;

  /// docs/Assignment.md says what is in it.
  void print(raw_ostream &os) const;
  /// One remark at each layer: what it got, what that costs, and what the next
  /// better format would save and cost.
  void emitRemarks() const;
  /// The terms of which both formats are chosen.
  std::vector<assignment::PairwiseTerm> getPairwiseTerms() const;
  /// The chosen format of a layer, as `qfmt.assigned` says it.
  StringRef getChoice(unsigned layer) const;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_REPORT_H
