// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's OpenMP runtime, which code for several threads calls.

#ifndef QFMT_LIB_RUNTIME_OPENMPRUNTIME_H
#define QFMT_LIB_RUNTIME_OPENMPRUNTIME_H

#include "mlir/IR/Diagnostics.h"

namespace llvm {
class Module;
}

namespace mlir::qfmt {

/// True if the code calls the runtime.
bool usesOpenMP(const llvm::Module &module);

/// Makes the runtime's functions visible to code that is loaded into this
/// process: those that the process has already, or else those of the library at
/// `path`; if that is empty, of the one that was there when qfmt was built, or
/// of the one that the system finds. Fails with a diagnostic if there is none.
LogicalResult loadOpenMP(Location loc, StringRef path);

} // namespace mlir::qfmt

#endif // QFMT_LIB_RUNTIME_OPENMPRUNTIME_H
