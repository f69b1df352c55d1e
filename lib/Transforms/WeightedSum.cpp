// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WeightedSum.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/IR/QFmt.h"

using namespace mlir;
using namespace mlir::qfmt;

bool mlir::qfmt::sumsProducts(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  if (body->getNumArguments() != 3)
    return false;
  Value left = body->getArgument(0), right = body->getArgument(1),
        out = body->getArgument(2);
  auto isPair = [](Operation *op, Value a, Value b) {
    return (op->getOperand(0) == a && op->getOperand(1) == b) ||
           (op->getOperand(0) == b && op->getOperand(1) == a);
  };
  auto add =
      body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!add)
    return false;
  Value product = add.getLhs() == out ? add.getRhs() : add.getLhs();
  auto multiply = product.getDefiningOp<arith::MulFOp>();
  return multiply && isPair(add, out, product) && isPair(multiply, left, right);
}

static bool indexesOnlyByLoops(AffineMap map) {
  return llvm::all_of(map.getResults(), llvm::IsaPred<AffineDimExpr>);
}

/// `read` says what constant an operand holds.
static std::optional<WeightedSum>
matchWith(Operation *operation,
          function_ref<std::optional<ConstantTensor>(Value)> read) {
  auto op = dyn_cast<linalg::LinalgOp>(operation);
  if (!op || !op.hasPureTensorSemantics() || op.getNumDpsInputs() != 2 ||
      op.getNumDpsInits() != 1 || !sumsProducts(op))
    return std::nullopt;
  AffineMap resultMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!indexesOnlyByLoops(resultMap))
    return std::nullopt;

  for (unsigned position : {1u, 0u}) {
    OpOperand *weights = op.getDpsInputOperand(position);
    AffineMap map = op.getMatchingIndexingMap(weights);
    if (!indexesOnlyByLoops(map))
      continue;
    std::optional<ConstantTensor> values = read(weights->get());
    if (!values)
      continue;
    WeightedSum sum{op,
                    op.getDpsInputOperand(1 - position),
                    weights,
                    std::move(*values),
                    {}};
    for (auto [dim, expr] : llvm::enumerate(map.getResults()))
      if (std::optional<unsigned> resultDim = resultMap.getResultPosition(expr))
        sum.channels.push_back({static_cast<unsigned>(dim), *resultDim});
    return sum;
  }
  return std::nullopt;
}

std::optional<WeightedSum> WeightedSum::match(Operation *op,
                                              ExactElements exact) {
  return matchWith(
      op, [&](Value value) { return ConstantTensor::read(value, exact); });
}

std::optional<WeightedSum> WeightedSum::matchQuantized(Operation *op) {
  return matchWith(op, [](Value value) -> std::optional<ConstantTensor> {
    auto quantize = value.getDefiningOp<QuantizeOp>();
    if (!quantize)
      return std::nullopt;
    return ConstantTensor::read(quantize.getInput());
  });
}
