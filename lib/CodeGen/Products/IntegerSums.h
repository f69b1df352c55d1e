// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A scaled product as sums of integers, and sums of these with scales.

#ifndef QFMT_LIB_CODEGEN_PRODUCTS_INTEGERSUMS_H
#define QFMT_LIB_CODEGEN_PRODUCTS_INTEGERSUMS_H

#include "qfmt/CodeGen/Products/ScaledProduct.h"

namespace mlir::qfmt {

/// Writes what `product` becomes beside it; see qfmt-factor-scales. `grid` has
/// the integers of the first factor's codes.
Value emitIntegerSums(const ScaledProduct &product,
                      const ConstantFactor &weights, const ByteGrid &grid);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_PRODUCTS_INTEGERSUMS_H
