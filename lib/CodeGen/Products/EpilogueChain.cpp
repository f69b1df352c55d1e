// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/EpilogueChain.h"
#include "qfmt/Conversion/VectorBody.h"

namespace mlir::qfmt {

/// LLVM packs a vector of i1 in memory, a tensor of i1 has bytes.
static bool isStorable(Type type) {
  return type.isIntOrFloat() && type.getIntOrFloatBitWidth() % 8 == 0;
}

/// Moves along rows by any of the dimensions, along columns by the last one.
static bool isReadableByCell(AffineMap map) {
  return llvm::all_of(llvm::enumerate(map.getResults()), [&](auto result) {
    if (auto constant = dyn_cast<AffineConstantExpr>(result.value()))
      return constant.getValue() == 0;
    auto dim = dyn_cast<AffineDimExpr>(result.value());
    return dim && (dim.getPosition() == 0 ||
                   result.index() + 1 == map.getNumResults());
  });
}

/// An element-wise operation on matrices whose operands can be read.
static bool isCellwise(linalg::GenericOp op) {
  if (op.getNumLoops() != 2 || op.getNumReductionLoops() != 0 ||
      op->getNumResults() != 1 || !op.hasPureTensorSemantics() ||
      !hasVectorizableBody(op) ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity())
    return false;
  return llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
    if (!isa<RankedTensorType>(operand.get().getType()))
      return true;
    return isStorable(getElementTypeOrSelf(operand.get())) &&
           isReadableByCell(op.getMatchingIndexingMap(&operand));
  });
}

SmallVector<linalg::GenericOp> getEpilogue(linalg::GenericOp op,
                                           StringRef &whyNot) {
  SmallVector<linalg::GenericOp> epilogue;
  whyNot = {};
  while (op->hasOneUse()) {
    OpOperand &use = *op->getUses().begin();
    auto reader = dyn_cast<linalg::GenericOp>(use.getOwner());
    if (!reader || reader->getBlock() != op->getBlock()) {
      if (!use.getOwner()->hasTrait<OpTrait::IsTerminator>())
        whyNot = "what reads it is no linalg.generic beside it";
      return epilogue;
    }
    if (!reader.isDpsInput(&use) || !isCellwise(reader) ||
        !reader.getMatchingIndexingMap(&use).isIdentity()) {
      whyNot = "what reads it is not computed row by row on 16 columns";
      return epilogue;
    }
    epilogue.push_back(reader);
    op = reader;
  }
  return epilogue;
}

bool isComputedByCell(Value init) {
  if (init.getDefiningOp<linalg::FillOp>())
    return true;
  auto generic = init.getDefiningOp<linalg::GenericOp>();
  return generic && isCellwise(generic) &&
         (generic->hasOneUse() || llvm::hasSingleElement(*generic.getBody()));
}

} // namespace mlir::qfmt
