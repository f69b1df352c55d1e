// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/FloatProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/CodeGen/Products/ProductBody.h"
#include "qfmt/Conversion/VectorBody.h"

namespace mlir::qfmt {

/// The place of `loop` among the results of `map`.
static int64_t getPosition(AffineMap map, unsigned loop) {
  for (auto [i, result] : llvm::enumerate(map.getResults()))
    if (cast<AffineDimExpr>(result).getPosition() == loop)
      return i;
  return -1;
}

bool FloatProduct::isRhsTransposed() const {
  AffineMap map = linalg::GenericOp(op).getMatchingIndexingMap(rhs);
  return getPosition(map, nLoop) < getPosition(map, kLoop);
}

int64_t FloatProduct::getRowDim() const {
  return getPosition(linalg::GenericOp(op).getMatchingIndexingMap(lhs), mLoop);
}

//===----------------------------------------------------------------------===//
// The body
//===----------------------------------------------------------------------===//

/// The arguments of the body on which `value` depends.
static void collectArguments(Value value, Block *body,
                             llvm::SmallDenseSet<unsigned> &arguments) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner() == body)
      arguments.insert(argument.getArgNumber());
    return;
  }
  Operation *op = value.getDefiningOp();
  if (op->getBlock() == body)
    for (Value operand : op->getOperands())
      collectArguments(operand, body, arguments);
}

static bool dependsOnlyOn(Value value, Block *body, unsigned argument) {
  llvm::SmallDenseSet<unsigned> arguments;
  collectArguments(value, body, arguments);
  return arguments.size() == 1 && arguments.contains(argument);
}

/// out + f(a) * g(b), operands in any order.
static bool isSumOfProducts(linalg::GenericOp op) {
  Block *body = op.getBody();
  Value term = getAddedTerm(body);
  auto factors =
      term && term.getType().isF32() ? getFactors(term) : std::nullopt;
  if (!factors)
    return false;
  auto [left, right] = *factors;
  return (dependsOnlyOn(left, body, 0) && dependsOnlyOn(right, body, 1)) ||
         (dependsOnlyOn(left, body, 1) && dependsOnlyOn(right, body, 0));
}

//===----------------------------------------------------------------------===//
// The loops
//===----------------------------------------------------------------------===//

static bool moves(linalg::GenericOp op, OpOperand *operand, unsigned loop) {
  return op.getMatchingIndexingMap(operand).isFunctionOfDim(loop);
}

/// Sets the loops of `product`, whose `op` is set, and its factors.
static bool findLoops(FloatProduct &product) {
  linalg::GenericOp op = product.op;
  SmallVector<unsigned> parallel, reductions;
  op.getParallelDims(parallel);
  op.getReductionDims(reductions);
  AffineMap outMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (parallel.size() < 2 || reductions.size() != 1 ||
      outMap.getNumResults() != parallel.size() ||
      !outMap.isProjectedPermutation() ||
      !llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *input) {
        return op.getMatchingIndexingMap(input).isProjectedPermutation();
      }))
    return false;
  product.kLoop = reductions[0];
  product.nLoop = outMap.getDimPosition(parallel.size() - 1);
  product.lhs = op.getDpsInputOperand(0);
  product.rhs = op.getDpsInputOperand(1);
  if (!moves(op, product.rhs, product.nLoop))
    std::swap(product.lhs, product.rhs);
  if (!moves(op, product.lhs, product.kLoop) ||
      !moves(op, product.rhs, product.kLoop) ||
      !moves(op, product.rhs, product.nLoop) ||
      moves(op, product.lhs, product.nLoop))
    return false;
  // Rows are the last dimension that does not move the right factor.
  std::optional<unsigned> rows;
  for (AffineExpr result : outMap.getResults().drop_back()) {
    unsigned loop = cast<AffineDimExpr>(result).getPosition();
    if (moves(op, product.lhs, loop) && !moves(op, product.rhs, loop))
      rows = loop;
  }
  if (!rows)
    return false;
  product.mLoop = *rows;
  for (unsigned loop : parallel)
    if (loop != product.mLoop && loop != product.nLoop)
      product.batchLoops.push_back(loop);
  return true;
}

std::optional<FloatProduct> matchFloatProduct(linalg::GenericOp op,
                                              StringRef &whyNot) {
  whyNot = {};
  if (!op.hasPureTensorSemantics() || op.getNumDpsInputs() != 2 ||
      op.getNumDpsInits() != 1 || op.getNumReductionLoops() == 0 ||
      !llvm::all_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>) ||
      !isSumOfProducts(op) || !hasVectorizableBody(op) ||
      op.hasIndexSemantics())
    return std::nullopt;
  FloatProduct product;
  product.op = op;
  if (!findLoops(product)) {
    whyNot = "it is no product of two matrices";
    return std::nullopt;
  }
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  product.m = sizes[product.mLoop];
  product.n = sizes[product.nLoop];
  product.k = sizes[product.kLoop];
  bool isKnown = !ShapedType::isDynamic(product.n) &&
                 !ShapedType::isDynamic(product.k) &&
                 llvm::none_of(product.batchLoops, [&](unsigned loop) {
                   return ShapedType::isDynamic(sizes[loop]);
                 });
  if (!isKnown) {
    whyNot = "only the number of rows may be unknown";
    return std::nullopt;
  }
  if (llvm::is_contained(sizes, 0))
    return std::nullopt;
  return product;
}

} // namespace mlir::qfmt
