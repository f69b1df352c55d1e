// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WideSum.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::qfmt;

/// What `op` adds to its accumulator, an i64; null if it does something else.
static Value matchTerm(linalg::LinalgOp op) {
  Value acc = op.getBlock()->getArguments().back();
  auto add = op.getBlock()
                 ->getTerminator()
                 ->getOperand(0)
                 .getDefiningOp<arith::AddIOp>();
  if (!acc.getType().isInteger(64) || !acc.hasOneUse() || !add ||
      !add->hasOneUse())
    return {};
  if (add.getLhs() == acc)
    return add.getRhs();
  return add.getRhs() == acc ? add.getLhs() : Value();
}

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
  Value term = matchTerm(op);
  if (!term)
    return std::nullopt;
  WideSum sum{op, term, ranges.get(term), op.getStaticLoopRanges(), {}};
  op.getReductionDims(sum.reductions);
  for (unsigned loop : sum.reductions)
    if (ShapedType::isDynamic(sum.sizes[loop]) || sum.sizes[loop] == 0)
      return std::nullopt;
  return sum;
}
