// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ahead-of-time compilation: object files with a C header, assembly, LLVM IR.

#ifndef QFMT_RUNTIME_EMITCODE_H
#define QFMT_RUNTIME_EMITCODE_H

#include "qfmt/Runtime/CodeGenerator.h"

namespace mlir::qfmt {

enum class EmitKind { LLVM, Assembly, Object };

/// The name of the function in C: "qfmt_main" for "main".
std::string getCName(StringRef function);

/// Writes the code to `path` ("-" for standard output).
///
/// - Object, Assembly: the weights lie in a section of their own,
///   `.qfmt.weights`, aligned to 64 bytes. The code needs the C library (and
///   libm); for several threads LLVM's OpenMP runtime, if there is a loop with
///   enough work, which the header then says. With an object comes `path` with
///   the extension .h: the C prototype.
/// - LLVM: the weights go to `path` + ".weights", which the text includes by
///   that name. Written to standard output, the text leaves their symbol
///   undefined.
///
/// On failure no file is left behind. Errors are diagnostics: those of
/// generateLLVMIR, a dynamic shape, a file that cannot be written.
LogicalResult emitCode(ModuleOp module, const CompileOptions &options,
                       EmitKind kind, StringRef path);

} // namespace mlir::qfmt

#endif // QFMT_RUNTIME_EMITCODE_H
