// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that write code for CPUs.

#ifndef QFMT_CODEGEN_CPU_PASSES_H
#define QFMT_CODEGEN_CPU_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "qfmt/CodeGen/CPU/CpuTarget.h"

namespace mlir::qfmt {

#define GEN_PASS_DECL
#include "qfmt/CodeGen/CPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "qfmt/CodeGen/CPU/Passes.h.inc"

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_CPU_PASSES_H
