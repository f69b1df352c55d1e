// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WideSum.h"

using namespace mlir;
using namespace mlir::qfmt;

/// Every parallel loop is a dimension of the result.
static bool hasPlainResult(linalg::LinalgOp op) {
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  return map.isProjectedPermutation() &&
         map.getNumResults() == op.getNumParallelLoops();
}

std::optional<WideSum> mlir::qfmt::matchWideSum(linalg::LinalgOp op,
                                                ElementRanges &ranges) {
  if (!op.hasPureTensorSemantics() || op.getNumDpsInits() != 1 ||
      op.getNumReductionLoops() == 0 || op.hasIndexSemantics() ||
      op.getNumReductionLoops() + op.getNumParallelLoops() !=
          op.getNumLoops() ||
      !hasPlainResult(op))
    return std::nullopt;
  Value term = getSummedTerm(op);
  if (!term || !term.getType().isInteger(64) ||
      !op.getBlock()->getTerminator()->getOperand(0).hasOneUse())
    return std::nullopt;
  WideSum sum{op, term, ranges.get(term), op.getStaticLoopRanges(), {}};
  op.getReductionDims(sum.reductions);
  for (unsigned loop : sum.reductions)
    if (ShapedType::isDynamic(sum.sizes[loop]) || sum.sizes[loop] == 0)
      return std::nullopt;
  return sum;
}
