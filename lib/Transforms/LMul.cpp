//===- LMul.cpp - Multiplies floats by integer additions ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real, observed, encoded or constituents.
// Output: the same level, with qfmt.lmul in the place of the arith.mulf that
//         the option `scope` chooses. A named linalg operation with such a
//         product becomes a linalg.generic.
// Sums, divisions, math.fma and products of f64 stay as they are.
//
//===----------------------------------------------------------------------===//

#include "GeneralizeNamed.h"
#include "SummedProducts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/TypeUtilities.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/Statistic.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_LMUL
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-lmul"
ALWAYS_ENABLED_STATISTIC(numRewritten, "Multiplications replaced");

namespace {

/// The mark that applies to a product: its own, or that of the linalg operation
/// around it.
Attribute getMark(Operation *op) {
  if (Attribute mark = op->getAttr(QFmtDialect::kLMulAttr))
    return mark;
  auto parent = dyn_cast<linalg::LinalgOp>(op->getParentOp());
  return parent ? parent->getAttr(QFmtDialect::kLMulAttr) : Attribute();
}

bool isChosen(arith::MulFOp op, LMulScope scope) {
  // linalg computes on encoded tensors in its body, not here.
  if (!LMulOp::getLayout(getElementTypeOrSelf(op.getType())) ||
      EncodedTensorType::isEncoded(op.getType()))
    return false;
  if (scope == LMulScope::All)
    return true;
  if (scope == LMulScope::Marked)
    return static_cast<bool>(getMark(op));
  auto parent = dyn_cast<linalg::LinalgOp>(op->getParentOp());
  return parent && llvm::is_contained(getSummedProducts(parent), op);
}

/// The mantissa bits to keep; null for all that the type has. A mark that says
/// so takes precedence over `mantissa`, which is 0 for all.
IntegerAttr getMantissa(arith::MulFOp op, LMulScope scope, int64_t mantissa) {
  if (scope == LMulScope::Marked)
    if (auto own = dyn_cast<IntegerAttr>(getMark(op)))
      mantissa = own.getInt();
  int64_t available =
      LMulOp::getLayout(getElementTypeOrSelf(op.getType()))->mantissaBits;
  if (mantissa == 0 || mantissa >= available)
    return {};
  return Builder(op.getContext()).getI64IntegerAttr(mantissa);
}

SmallVector<Operation *> collect(Operation *root, LMulScope scope) {
  SmallVector<Operation *> chosen;
  root->walk([&](arith::MulFOp op) {
    if (isChosen(op, scope))
      chosen.push_back(op);
  });
  return chosen;
}

struct LMulPass : qfmt::impl::LMulBase<LMulPass> {
  using Base::Base;

  void runOnOperation() override {
    if (mantissa < 0) {
      emitError(getOperation().getLoc())
          << "qfmt-lmul needs mantissa = 0 (all bits) or more, found "
          << int64_t(mantissa);
      return signalPassFailure();
    }
    if (failed(generalizeNamedParents(collect(getOperation(), scope),
                                      "a product to approximate")))
      return signalPassFailure();
    for (Operation *chosen : collect(getOperation(), scope)) {
      auto op = cast<arith::MulFOp>(chosen);
      OpBuilder builder(op);
      Value product =
          LMulOp::create(builder, op.getLoc(), op.getType(), op.getLhs(),
                         op.getRhs(), getMantissa(op, scope, mantissa));
      op.getResult().replaceAllUsesWith(product);
      op.erase();
      ++numRewritten;
    }
    if (scope == LMulScope::Marked)
      getOperation()->walk(
          [](Operation *op) { op->removeAttr(QFmtDialect::kLMulAttr); });
  }
};
} // namespace
