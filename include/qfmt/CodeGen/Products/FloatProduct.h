// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of real numbers, found by what they compute.

#ifndef QFMT_CODEGEN_PRODUCTS_FLOATPRODUCT_H
#define QFMT_CODEGEN_PRODUCTS_FLOATPRODUCT_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::qfmt {

/// out[m, n] += f(lhs) * g(rhs) in f32, on tensors, with lhs M x K or K x M and
/// rhs K x N or N x K, and any order of the loops. f and g are element-wise,
/// most often nothing or an extension to f32.
struct FloatProduct {
  linalg::GenericOp op;
  OpOperand *lhs, *rhs;
  /// Loops that move both factors, or only the result and one of them, as in
  /// batches of products. None in products of matrices.
  SmallVector<unsigned> batchLoops;
  unsigned mLoop, nLoop, kLoop;
  /// Dynamic, if unknown; K and N are known.
  int64_t m, n, k;

  Value getInit() const { return linalg::GenericOp(op).getDpsInits()[0]; }
  /// True if rhs is N x K.
  bool isRhsTransposed() const;
  /// The dimension of lhs that has the rows.
  int64_t getRowDim() const;
};

/// None, with the reason in `whyNot` if it is an operation that one might take
/// for a product of real numbers.
std::optional<FloatProduct> matchFloatProduct(linalg::GenericOp op,
                                              StringRef &whyNot);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_FLOATPRODUCT_H
