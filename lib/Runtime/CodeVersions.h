// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program with one function for C, in one or several versions.

#ifndef QFMT_LIB_RUNTIME_CODEVERSIONS_H
#define QFMT_LIB_RUNTIME_CODEVERSIONS_H

#include "qfmt/Runtime/CodeGenerator.h"

namespace mlir::qfmt {

/// Optimized code with the function `name` (addCEntry) for the processor of
/// `options`, or for each of its versions. The version is chosen at run time
/// (addVersionDispatch) if there are several, or if AMX tiles need permission.
/// Constants that versions have in common are there once.
FailureOr<LLVMProgram> generateCProgram(ModuleOp module,
                                        const CompileOptions &options,
                                        StringRef name);

/// True if `name` chooses a version.
bool isChosenAtRunTime(const LLVMProgram &program, StringRef name);

} // namespace mlir::qfmt

#endif // QFMT_LIB_RUNTIME_CODEVERSIONS_H
