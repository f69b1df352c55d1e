//===- AdditiveRounding.h - Codes of sums of vectors by data ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What WeightRounding.h does for levels, for the codes of an AdditiveGrid, by
// the same loss L(W') = sum over rows d of W' - W of d H d^T.
//
//   error feedback  GPTQ for vectors: one set of columns after the other; the
//                   columns that are left make up for the error
//   beam search     group by group and table by table to the code that is best
//                   while all others are fixed, `beam` ways at a time
//                   (AQLM: Egiazarian et al., ICML 2024)
//
// No IR.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_WEIGHTROUNDING_ADDITIVEROUNDING_H
#define QFMT_WEIGHTROUNDING_ADDITIVEROUNDING_H

#include "qfmt/WeightRounding/AdditiveGrid.h"
#include "qfmt/WeightRounding/WeightRounding.h"

namespace mlir::qfmt {

/// Calls a function with 0, 1, ... n - 1, in any order or at once; null: one
/// after the other. Results do not depend on it.
using ForEachNumber =
    llvm::function_ref<void(size_t n, llvm::function_ref<void(size_t)>)>;

struct AdditiveFeedbackOptions {
  /// Of the mean of H's diagonal, added to it.
  double damping = 0.01;
  /// How many ways to code a group are kept while its codes are chosen.
  unsigned beam = 1;
  ForEachNumber forEach = {};
};

/// Groups with large moments come first. None if H plus the damping is not
/// positive definite, as far as doubles can tell.
std::optional<AdditiveCodes>
roundGroupsByErrorFeedback(const RoundingProblem &problem,
                           const AdditiveGrid &grid,
                           const AdditiveFeedbackOptions &options);

/// Changes `codes` where that lowers L: at most `sweeps` times over all groups
/// with one way at a time and, if `beam` is more than 1, as often again with
/// `beam` of them; ends when nothing changes. Returns how many sweeps changed
/// something. The loss of no row rises; of rows that share groups their sum.
unsigned improveByBeamSearch(const RoundingProblem &problem,
                             const AdditiveGrid &grid, AdditiveCodes &codes,
                             unsigned beam = 1, unsigned sweeps = 20,
                             ForEachNumber forEach = {});

} // namespace mlir::qfmt

#endif // QFMT_WEIGHTROUNDING_ADDITIVEROUNDING_H
