// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that write code for GPUs.

#ifndef QFMT_CODEGEN_GPU_PASSES_H
#define QFMT_CODEGEN_GPU_PASSES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "qfmt/CodeGen/GPU/GpuTarget.h"

namespace mlir::qfmt {

#define GEN_PASS_DECL
#include "qfmt/CodeGen/GPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "qfmt/CodeGen/GPU/Passes.h.inc"

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_GPU_PASSES_H
