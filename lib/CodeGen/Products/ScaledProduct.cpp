// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/ScaledProduct.h"
#include "qfmt/CodeGen/Products/ProductBody.h"

namespace mlir::qfmt {

/// Sums of f32 of products of f32 matrices, the first of them M x K.
static bool isMatrixProduct(linalg::LinalgOp op) {
  if (!op.hasPureTensorSemantics() || op.getNumDpsInputs() != 2 ||
      op->getNumResults() != 1 || !linalg::isaContractionOpInterface(op))
    return false;
  return llvm::all_of(op->getOperands(), [](Value operand) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    return type && type.getRank() == 2 && type.getElementType().isF32();
  });
}

/// True if the codes are read by the factor's rows and scales are those of a
/// row, or of a row's block.
static bool isOfRows(const ScaledFactor &factor) {
  return factor.loops[0].size() == 1 && factor.loops[0][0] == 0 &&
         llvm::all_of(factor.scales, [&](Value scale) {
           return !factor.dependsOn(scale, factor.loops[1].back());
         });
}

bool hasScaleOfBlock(const ScaledFactor &factor, unsigned dim) {
  return factor.loops[dim].size() == 2 &&
         llvm::any_of(factor.scales, [&](Value scale) {
           return factor.dependsOn(scale, factor.loops[dim].front());
         });
}

/// Chooses blocks. Fails if those of the two factors do not fit each other.
static LogicalResult chooseBlocks(ScaledProduct &product) {
  bool first = hasScaleOfBlock(product.activations, 1);
  bool second = hasScaleOfBlock(product.weights, product.sumDim);
  product.blocks = 1;
  product.blockSize = product.k;
  if (!first && !second)
    return success();
  if (first) {
    product.blockSize = product.activations.getBlockSize(1);
    if (second &&
        product.weights.getBlockSize(product.sumDim) % product.blockSize != 0)
      return failure();
  } else {
    product.blockSize = product.weights.getBlockSize(product.sumDim);
  }
  if (ShapedType::isDynamic(product.blockSize))
    return failure();
  product.blocks = llvm::divideCeil(product.k, product.blockSize);
  return success();
}

std::optional<ScaledProduct> matchScaledProduct(linalg::LinalgOp op,
                                                StringRef &whyNot) {
  whyNot = {};
  if (!isMatrixProduct(op))
    return std::nullopt;
  FailureOr<linalg::ContractionDimensions> dims =
      linalg::inferContractionDims(op);
  if (failed(dims) || dims->m.size() != 1 || dims->n.size() != 1 ||
      dims->k.size() != 1)
    return std::nullopt;
  std::optional<ScaledFactor> factors[2] = {
      matchScaledFactor(op->getOperand(0), whyNot),
      matchScaledFactor(op->getOperand(1), whyNot)};
  if (!factors[0] || !factors[1])
    return std::nullopt;
  // The constant factor is the right one.
  unsigned m = dims->m[0], n = dims->n[0], k = dims->k[0], left = 0;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (!isMap(maps[2], {m, n})) {
    std::swap(m, n);
    left = 1;
  }
  bool isTransposed = isMap(maps[1 - left], {n, k});
  if (!isMap(maps[2], {m, n}) || !isMap(maps[left], {m, k}) ||
      !(isTransposed || isMap(maps[1 - left], {k, n}))) {
    whyNot = "it is no product of row-major matrices";
    return std::nullopt;
  }
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  ScaledProduct product{
      op,       *factors[left], *factors[1 - left], isTransposed ? 1u : 0u,
      sizes[m], sizes[n],       sizes[k],           0,
      0};
  if (ShapedType::isDynamic(product.n) || ShapedType::isDynamic(product.k) ||
      product.m == 0 || product.n == 0 || product.k == 0)
    return std::nullopt;
  if (!isOfRows(product.activations)) {
    whyNot = "its first factor's scales are not those of rows and blocks";
    return std::nullopt;
  }
  if (failed(chooseBlocks(product))) {
    whyNot = "blocks of its factors do not divide each other";
    return std::nullopt;
  }
  return product;
}

} // namespace mlir::qfmt
