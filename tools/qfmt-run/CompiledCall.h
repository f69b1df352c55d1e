// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls of compiled code, in which a program's mistakes are messages: a failed
// assertion, no memory, a division by zero.

#ifndef QFMT_TOOLS_QFMT_RUN_COMPILEDCALL_H
#define QFMT_TOOLS_QFMT_RUN_COMPILEDCALL_H

#include "qfmt/Runtime/CompiledFunction.h"

namespace mlir::qfmt {

/// Functions that compiled code takes in place of the C library's: they end
/// this program with a message and status 1 where those would return no memory
/// or abort.
ArrayRef<std::pair<std::string, void *>> getCheckedFunctions();

/// What `function` gives. A signal that the code raises meanwhile ends this
/// program with a message and status 1; elsewhere signals are what they were.
/// Fails if a result has sizes that cannot be.
FailureOr<SmallVector<TensorResult>>
callCompiled(const CompiledFunction &function, ArrayRef<TensorView> inputs);

} // namespace mlir::qfmt

#endif // QFMT_TOOLS_QFMT_RUN_COMPILEDCALL_H
