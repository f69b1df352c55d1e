// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all products of matrices have in common: bodies that add up products,
// and maps that are lists of loops.

#ifndef QFMT_CODEGEN_PRODUCTS_PRODUCTBODY_H
#define QFMT_CODEGEN_PRODUCTS_PRODUCTBODY_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Block.h"
#include <optional>

namespace mlir::qfmt {

/// True if the results of `map` are these loops, in order.
bool isMap(AffineMap map, ArrayRef<unsigned> loops);

/// What a body adds to its third argument, the sum of two factors' products,
/// which nothing else reads; null if it does anything else with it.
Value getAddedTerm(Block *body);

/// The two sides of the multiplication that computes `term`, of integers or
/// floats.
std::optional<std::pair<Value, Value>> getFactors(Value term);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_PRODUCTBODY_H
