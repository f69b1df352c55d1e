// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that divide loops among threads.

#ifndef QFMT_CODEGEN_THREADS_PASSES_H
#define QFMT_CODEGEN_THREADS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "qfmt/CodeGen/Threads/Threads.h"

namespace mlir::qfmt {

#define GEN_PASS_DECL
#include "qfmt/CodeGen/Threads/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "qfmt/CodeGen/Threads/Passes.h.inc"

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_THREADS_PASSES_H
