// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of f32 matrices whose factors are decoded from codes and scales,
// cut into blocks of terms that have the same scales.

#ifndef QFMT_CODEGEN_PRODUCTS_SCALEDPRODUCT_H
#define QFMT_CODEGEN_PRODUCTS_SCALEDPRODUCT_H

#include "qfmt/CodeGen/Products/ScaledFactor.h"

namespace mlir::qfmt {

struct ScaledProduct {
  linalg::LinalgOp op;
  ScaledFactor activations, weights;
  /// Of the weights' matrix: the dimension that is summed up.
  unsigned sumDim;
  /// May be dynamic.
  int64_t m;
  int64_t n, k;
  /// Integers added up before a scale is applied; `blocks` of them hold all
  /// terms. One block: the scales are those of whole rows and columns.
  int64_t blocks, blockSize;
};

/// True if a scale of the factor changes with the block along `dim`.
bool hasScaleOfBlock(const ScaledFactor &factor, unsigned dim);

/// None, with the reason in `whyNot` if it is a product of decoded factors.
std::optional<ScaledProduct> matchScaledProduct(linalg::LinalgOp op,
                                                StringRef &whyNot);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_SCALEDPRODUCT_H
