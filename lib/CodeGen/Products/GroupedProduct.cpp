// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/GroupedProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/CodeGen/Products/ProductBody.h"
#include "qfmt/Conversion/VectorBody.h"

namespace mlir::qfmt {

using utils::IteratorType;

static bool hasLoops(linalg::GenericOp op, unsigned numParallel) {
  SmallVector<IteratorType> types = op.getIteratorTypesArray();
  return op.hasPureTensorSemantics() && op->getNumResults() == 1 &&
         types.size() == numParallel + 1 &&
         llvm::all_of(ArrayRef(types).drop_back(),
                      [](IteratorType type) {
                        return type == IteratorType::parallel;
                      }) &&
         types.back() == IteratorType::reduction;
}

/// `argument`, sign-extended to 32 bits.
static bool isExtended(Value value, BlockArgument argument) {
  auto extension = value.getDefiningOp<arith::ExtSIOp>();
  return extension && extension.getIn() == argument &&
         value.getType().isInteger(32);
}

/// out + lhs * rhs.
static bool addsProducts(Block *body) {
  Value term = getAddedTerm(body);
  auto factors = term ? getFactors(term) : std::nullopt;
  if (!factors)
    return false;
  BlockArgument lhs = body->getArgument(0), rhs = body->getArgument(1);
  auto [first, second] = *factors;
  return (isExtended(first, lhs) && isExtended(second, rhs)) ||
         (isExtended(first, rhs) && isExtended(second, lhs));
}

/// A fill, which may have become a linalg.generic.
static bool isZeros(Value init) {
  if (auto fill = init.getDefiningOp<linalg::FillOp>())
    return matchPattern(fill.value(), m_Zero());
  auto generic = init.getDefiningOp<linalg::GenericOp>();
  return generic && matchPattern(generic.getBody()->getTerminator()->getOperand(
                                     cast<OpResult>(init).getResultNumber()),
                                 m_Zero());
}

static bool isGroupSums(linalg::GenericOp op) {
  if (!op || !hasLoops(op, 3) || op.getNumDpsInputs() != 2 ||
      !op->hasOneUse() || !addsProducts(op.getBody()))
    return false;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  return isMap(maps[0], {0, 2, 3}) && isMap(maps[1], {1, 2, 3}) &&
         isMap(maps[2], {0, 1, 2}) && isZeros(op.getDpsInits()[0]);
}

std::optional<GroupedProduct> matchGroupedProduct(linalg::GenericOp op) {
  if (!hasLoops(op, 2) || !hasVectorizableBody(op) ||
      !isMap(op.getMatchingIndexingMap(op.getDpsInitOperand(0)), {0, 1}))
    return std::nullopt;
  for (OpOperand *input : op.getDpsInputOperands()) {
    auto sums = input->get().getDefiningOp<linalg::GenericOp>();
    if (!isGroupSums(sums) || !op.getMatchingIndexingMap(input).isIdentity())
      continue;
    SmallVector<int64_t> sizes = sums.getStaticLoopRanges();
    if (llvm::any_of(ArrayRef(sizes).drop_front(), ShapedType::isDynamic))
      return std::nullopt;
    return GroupedProduct{sums,
                          op,
                          sums.getDpsInputs()[0],
                          sums.getDpsInputOperand(1),
                          sizes[0],
                          sizes[1],
                          sizes[2],
                          sizes[3]};
  }
  return std::nullopt;
}

} // namespace mlir::qfmt
