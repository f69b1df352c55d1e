// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the body of an operation computes for given arguments, at compile time.

#ifndef QFMT_LIB_CODEGEN_CPU_BODYEVALUATION_H
#define QFMT_LIB_CODEGEN_CPU_BODYEVALUATION_H

#include "mlir/IR/Operation.h"

namespace mlir::qfmt {

/// The value for arguments that `getArgument` gives, by folding; null if
/// something in it does not fold.
Attribute evaluateBody(Value value,
                       function_ref<Attribute(BlockArgument)> getArgument);

/// The arguments of its own block that `value` is computed from, in order; null
/// if it is computed from anything else but constants.
std::optional<SmallVector<BlockArgument>> getArgumentsOf(Value value);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_BODYEVALUATION_H
