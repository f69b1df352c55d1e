// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of two integer matrices of which neither is constant, and batches of
// them: those of attention.

#ifndef QFMT_CODEGEN_PRODUCTS_VARIABLEPRODUCT_H
#define QFMT_CODEGEN_PRODUCTS_VARIABLEPRODUCT_H

#include "qfmt/CodeGen/Products/IntegerProduct.h"

namespace mlir::qfmt {

/// out[m, n] += (lhs[m, k] + p) * (rhs[m floordiv M, k, n] + d) on tensors of
/// known sizes, with codes of 8 bits and sums of 32, modulo 2^32, or codes of
/// 16 bits and sums of 32 or of 64, whose products fit 32 bits. Each M rows of
/// the result are a batch.
struct VariableProduct {
  linalg::GenericOp op;
  OpOperand *lhs, *rhs;
  /// rhs is B x N x K, or N x K.
  bool isRhsTransposed;
  CodeReading lhsReading, rhsReading;
  unsigned bits, sumBits;
  int64_t m, n, k;
  /// Rows of a batch; m if rhs has no batches.
  int64_t batchRows;

  Value getInit() const { return linalg::GenericOp(op).getDpsInits()[0]; }
  /// Terms in 32 bits.
  int64_t getTermsPerWord() const { return 32 / bits; }
};

/// The same with loops of its own for batches, any number of them, or none.
struct BatchedProduct {
  linalg::GenericOp op;
  OpOperand *lhs, *rhs;
  CodeReading lhsReading, rhsReading;
  unsigned bits, sumBits;
  /// Batches come first in all three tensors; rhs may have none.
  SmallVector<unsigned> batches;
  unsigned m, n, k;
  bool isRhsTransposed;
};

/// None, with the reason in `whyNot` if one might take it for such a product.
std::optional<BatchedProduct> matchBatchedProduct(linalg::GenericOp op,
                                                  StringRef &whyNot);

/// What qfmt-convolutions-to-products makes of a batched product.
std::optional<VariableProduct> matchVariableProduct(linalg::GenericOp op,
                                                    StringRef &whyNot);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_VARIABLEPRODUCT_H
