//===- LoopStrides.cpp - How operands move along loops --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LoopStrides.h"

namespace mlir::qfmt {

/// The derivative of an indexing expression with respect to a loop, or nothing
/// if it is not a constant.
static std::optional<int64_t> getCoefficient(AffineExpr expr, unsigned loop) {
  if (!expr.isFunctionOfDim(loop))
    return 0;
  if (isa<AffineDimExpr>(expr))
    return 1;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  std::optional<int64_t> lhs = getCoefficient(binary.getLHS(), loop);
  std::optional<int64_t> rhs = getCoefficient(binary.getRHS(), loop);
  if (!lhs || !rhs)
    return std::nullopt;
  if (binary.getKind() == AffineExprKind::Add)
    return *lhs + *rhs;
  auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() == AffineExprKind::Mul && factor)
    return *lhs * factor.getValue();
  return std::nullopt;
}

std::optional<int64_t> getLoopStride(linalg::GenericOp op, OpOperand &operand,
                                     unsigned loop) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (!type)
    return 0;
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)))
    return std::nullopt;
  int64_t sum = 0;
  AffineMap map = op.getMatchingIndexingMap(&operand);
  for (auto [expr, stride] : llvm::zip_equal(map.getResults(), strides)) {
    std::optional<int64_t> coefficient = getCoefficient(expr, loop);
    if (coefficient == 0)
      continue;
    if (!coefficient || ShapedType::isDynamic(stride))
      return std::nullopt;
    sum += *coefficient * stride;
  }
  return sum;
}

bool isBroadcastOrContiguous(linalg::GenericOp op, OpOperand &operand,
                             unsigned loop) {
  std::optional<int64_t> stride = getLoopStride(op, operand, loop);
  return stride == 0 || stride == 1;
}

std::optional<unsigned> findVectorLoop(linalg::GenericOp op) {
  SmallVector<unsigned> parallel;
  op.getParallelDims(parallel);
  std::optional<unsigned> best;
  unsigned bestScore = 0;
  for (unsigned loop : parallel) {
    if (!llvm::all_of(op.getDpsInitsMutable(), [&](OpOperand &output) {
          return getLoopStride(op, output, loop) == 1;
        }))
      continue;
    unsigned score =
        llvm::count_if(op.getDpsInputOperands(), [&](OpOperand *input) {
          return isBroadcastOrContiguous(op, *input, loop);
        });
    if (!best || score >= bestScore) {
      best = loop;
      bestScore = score;
    }
  }
  return best;
}

bool prefersReduction(linalg::GenericOp op, unsigned vectorLoop,
                      int64_t maxShort) {
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  if (reductions.empty())
    return false;
  int64_t size = op.getStaticLoopRanges()[reductions.back()];
  if (!ShapedType::isDynamic(size) && size <= maxShort)
    return false;
  auto allGood = [&](unsigned loop) {
    return llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *input) {
      return isBroadcastOrContiguous(op, *input, loop);
    });
  };
  return !allGood(vectorLoop) && allGood(reductions.back());
}

bool hasInjectiveOutputs(linalg::GenericOp op) {
  SmallVector<unsigned> parallel;
  op.getParallelDims(parallel);
  return llvm::all_of(op.getDpsInitsMutable(), [&](OpOperand &output) {
    AffineMap map = op.getMatchingIndexingMap(&output);
    return map.isProjectedPermutation() &&
           llvm::all_of(parallel, [&](unsigned loop) {
             return map.isFunctionOfDim(loop);
           });
  });
}

} // namespace mlir::qfmt
