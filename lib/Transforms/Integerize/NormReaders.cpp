// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "NormReaders.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/DenseSet.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

static bool isRoot(Operation *op) {
  if (isa<math::SqrtOp, math::RsqrtOp>(op))
    return true;
  FloatAttr exponent;
  return isa<math::PowFOp>(op) &&
         matchPattern(op->getOperand(1), m_Constant(&exponent)) &&
         std::abs(exponent.getValueAsDouble()) == 0.5;
}

/// Operations through which the values whose squares are added up pass, and the
/// sums of these.
static bool isPassed(Operation *op) {
  return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
             arith::NegFOp, arith::ExtFOp, arith::TruncFOp, arith::MaximumFOp,
             arith::MaxNumFOp, math::AbsFOp, math::PowFOp, math::FPowIOp,
             tensor::ExpandShapeOp, tensor::CollapseShapeOp,
             tensor::ExtractSliceOp>(op);
}

bool mlir::qfmt::isReadByNorm(Value value) {
  SmallVector<Value> worklist = {value};
  llvm::DenseSet<Value> seen;
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    for (OpOperand &use : next.getUses()) {
      Operation *user = use.getOwner();
      if (isRoot(user))
        return true;
      if (isa<linalg::YieldOp>(user))
        worklist.push_back(
            user->getParentOp()->getResult(use.getOperandNumber()));
      else if (auto op = dyn_cast<linalg::LinalgOp>(user))
        worklist.push_back(op.getMatchingBlockArgument(&use));
      else if (isPassed(user))
        worklist.push_back(user->getResult(0));
    }
  }
  return false;
}
