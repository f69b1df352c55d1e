// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions in LLVM IR through which the outside calls a compiled function.
// Both call `_mlir_ciface_<entry>`, which takes pointers to memref descriptors
//
//   { void *allocated, *data; int64_t offset, sizes[rank], strides[rank]; }
//
// preceded by a pointer to a structure of descriptors for the results, if there
// are any.

#ifndef QFMT_LIB_RUNTIME_ENTRYPOINTS_H
#define QFMT_LIB_RUNTIME_ENTRYPOINTS_H

#include "qfmt/Runtime/CodeGenerator.h"

namespace mlir::qfmt {

/// Adds `void name(void **)`: each element of its argument is one of the
/// pointers above.
void addPackedEntry(LLVMProgram &program, StringRef name);

/// Adds `int name(const input *..., output *...)` on plain row-major buffers.
/// It copies results to the caller's buffers and returns 0. Fails on dynamic
/// shapes, with a diagnostic at `loc`.
LogicalResult addCEntry(LLVMProgram &program, StringRef name, Location loc);

} // namespace mlir::qfmt

#endif // QFMT_LIB_RUNTIME_ENTRYPOINTS_H
