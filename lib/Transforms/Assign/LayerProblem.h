//===- LayerProblem.h - A network as an assignment problem ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layers, candidates, ties and budgets of a network as a problem that knows no
// IR. Group i is layer i. Peaks of activation memory become one budget for each
// moment, named "activation_bytes at <observer>".
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_LAYERPROBLEM_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_LAYERPROBLEM_H

#include "ActivationMemory.h"
#include "LayerCandidates.h"

namespace mlir::qfmt {

/// A budget as users write it, "900000" or "50%"; empty: none.
struct BudgetText {
  StringRef option;
  StringRef cost;
  StringRef text;
};

struct LayerProblem {
  SmallVector<Layer> layers;
  std::vector<LayerCandidates> candidates;
  assignment::Problem problem;
  /// The names of the budgets that together are the peak of activation memory.
  std::vector<std::string> memoryBudgets;
};

struct LayerProblemOptions {
  CandidateSources candidates;
  SmallVector<BudgetText> budgets;
  BudgetText activationBudget;
  /// Of tensors that not only layers read.
  NumberFormat otherActivations;
  bool tieSharedInputs = false;
};

/// Fails with diagnostics, at operations where they are about one.
FailureOr<LayerProblem> buildProblem(ModuleOp module,
                                     const LayerProblemOptions &options);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_LAYERPROBLEM_H
