// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions that a module wants to be called before its first function and
// after its last: those that load and unload kernels. The JIT does not call
// them itself.

#ifndef QFMT_LIB_RUNTIME_GLOBALFUNCTIONS_H
#define QFMT_LIB_RUNTIME_GLOBALFUNCTIONS_H

#include "qfmt/Runtime/CodeGenerator.h"

namespace mlir::qfmt {

/// Adds two functions `void initializer()` and `void finalizer()`, which call
/// those in llvm.global_ctors and llvm.global_dtors, in their order; the lists
/// go.
void addGlobalFunctions(LLVMProgram &program, StringRef initializer,
                        StringRef finalizer);

} // namespace mlir::qfmt

#endif // QFMT_LIB_RUNTIME_GLOBALFUNCTIONS_H
