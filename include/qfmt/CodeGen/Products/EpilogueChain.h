// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What stands around a matrix product and can be computed element by element
// while its sums are in registers: the initial values before it and the
// element-wise operations after it.

#ifndef QFMT_CODEGEN_PRODUCTS_EPILOGUECHAIN_H
#define QFMT_CODEGEN_PRODUCTS_EPILOGUECHAIN_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::qfmt {

/// The element-wise operations on matrices that alone read the result of `op`,
/// one after the other, and can be computed cell by cell, a cell being some
/// columns of one row. Where the result has one reader that is not among them,
/// `whyNot` says why.
SmallVector<linalg::GenericOp> getEpilogue(linalg::GenericOp op,
                                           StringRef &whyNot);

/// True if the elements of `init` are cheaper to compute than to store and
/// load: a constant, or a broadcast.
bool isComputedByCell(Value init);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_EPILOGUECHAIN_H
