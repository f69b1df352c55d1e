// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_LIB_REFERENCE_CALL_H
#define QFMT_LIB_REFERENCE_CALL_H

#include "qfmt/Reference/Evaluator.h"

namespace mlir::qfmt::reference {

/// Checks the arguments against the function's types and evaluates its body in
/// a frame of its own. `depth` is the number of calls around this one.
FailureOr<SmallVector<Value>> call(func::FuncOp function,
                                   SmallVector<Value> arguments,
                                   const EvaluatorOptions &options,
                                   unsigned depth);

} // namespace mlir::qfmt::reference

#endif // QFMT_LIB_REFERENCE_CALL_H
