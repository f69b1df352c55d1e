// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products in groups, as qfmt-factor-scales writes them:
//
//   sums[m, n, g] = sum over k of lhs[m, g, k] * rhs[n, g, k]   signed bytes
//   out[m, n]     = body(sums[m, n, g], other operands, out[m, n])   for all g

#ifndef QFMT_CODEGEN_PRODUCTS_GROUPEDPRODUCT_H
#define QFMT_CODEGEN_PRODUCTS_GROUPEDPRODUCT_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::qfmt {

struct GroupedProduct {
  /// Loops m, n, g, k; its result has one reader, `op`.
  linalg::GenericOp sums;
  /// Loops m, n, g, the last of them a reduction; any body.
  linalg::GenericOp op;
  Value lhs;
  OpOperand *rhs;
  /// May be dynamic.
  int64_t m;
  int64_t n, groups, groupSize;
};

/// None if `op` is no such product.
std::optional<GroupedProduct> matchGroupedProduct(linalg::GenericOp op);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_GROUPEDPRODUCT_H
