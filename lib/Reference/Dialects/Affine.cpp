// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// affine.apply: index arithmetic.

#include "../Handlers.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"

using namespace mlir;

namespace mlir::qfmt::reference {

/// The value of an expression; none for a division by zero or less.
static std::optional<int64_t> evaluateExpr(AffineExpr expr,
                                           ArrayRef<int64_t> dims,
                                           ArrayRef<int64_t> symbols) {
  switch (expr.getKind()) {
  case AffineExprKind::Constant:
    return cast<AffineConstantExpr>(expr).getValue();
  case AffineExprKind::DimId:
    return dims[cast<AffineDimExpr>(expr).getPosition()];
  case AffineExprKind::SymbolId:
    return symbols[cast<AffineSymbolExpr>(expr).getPosition()];
  default:
    break;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  std::optional<int64_t> lhs = evaluateExpr(binary.getLHS(), dims, symbols);
  std::optional<int64_t> rhs = evaluateExpr(binary.getRHS(), dims, symbols);
  if (!lhs || !rhs)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Add)
    return *lhs + *rhs;
  if (expr.getKind() == AffineExprKind::Mul)
    return *lhs * *rhs;
  if (*rhs <= 0)
    return std::nullopt;
  int64_t floor = llvm::divideFloorSigned(*lhs, *rhs);
  if (expr.getKind() == AffineExprKind::FloorDiv)
    return floor;
  if (expr.getKind() == AffineExprKind::CeilDiv)
    return llvm::divideCeilSigned(*lhs, *rhs);
  return *lhs - floor * *rhs;
}

static bool applyKernel(const Instruction &i, Scalar *r) {
  AffineMap map = cast<affine::AffineApplyOp>(i.op).getAffineMap();
  SmallVector<int64_t> operands;
  for (unsigned k = 0, e = i.op->getNumOperands(); k < e; ++k)
    operands.push_back(
        r[i.moreOperands.empty() ? i.operands[k] : i.moreOperands[k]].integer);
  std::optional<int64_t> result = evaluateExpr(
      map.getResult(0), ArrayRef(operands).take_front(map.getNumDims()),
      ArrayRef(operands).drop_front(map.getNumDims()));
  if (result)
    r[i.result].integer = *result;
  return result.has_value();
}

static LogicalResult emitApply(Operation *, unsigned,
                               Instruction &instruction) {
  instruction.kernel = applyKernel;
  instruction.undefined = "divides by a number that is not positive";
  return success();
}

void registerAffineHandlers(HandlerTable &table) {
  table.addScalar<affine::AffineApplyOp>(emitApply);
}

} // namespace mlir::qfmt::reference
