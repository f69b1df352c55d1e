// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Batches of products of two variables as one product by rows and columns.

#ifndef QFMT_CODEGEN_PRODUCTS_COLLAPSEBATCHES_H
#define QFMT_CODEGEN_PRODUCTS_COLLAPSEBATCHES_H

#include "qfmt/CodeGen/Products/VariableProduct.h"

namespace mlir::qfmt {

/// Replaces it by one product whose result is a matrix: the rows of all
/// batches, one below the other. The map of the second factor says which one a
/// row reads.
void collapseBatches(const BatchedProduct &product);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_COLLAPSEBATCHES_H
