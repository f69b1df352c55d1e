// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the body of an operation computes for given arguments, at compile time.

#ifndef QFMT_CODEGEN_PRODUCTS_BODYEVALUATION_H
#define QFMT_CODEGEN_PRODUCTS_BODYEVALUATION_H

#include "mlir/IR/Operation.h"

namespace mlir::qfmt {

/// The value for arguments that `getArgument` gives, by folding; null if
/// something in it does not fold.
Attribute evaluateBody(Value value,
                       function_ref<Attribute(BlockArgument)> getArgument);

/// What an operation with one result and without effects computes from
/// constants, null for operands that are not constant; null if it does not
/// fold. Changes nothing.
Attribute foldOperation(Operation *op, ArrayRef<Attribute> operands);

/// The arguments of its own block that `value` is computed from, in order; null
/// if it is computed from anything else but constants.
std::optional<SmallVector<BlockArgument>> getArgumentsOf(Value value);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_BODYEVALUATION_H
