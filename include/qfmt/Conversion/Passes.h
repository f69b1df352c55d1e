// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that take constituents-level IR towards LLVM.

#ifndef QFMT_CONVERSION_PASSES_H
#define QFMT_CONVERSION_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::qfmt {

#define GEN_PASS_DECL
#include "qfmt/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "qfmt/Conversion/Passes.h.inc"

} // namespace mlir::qfmt

#endif // QFMT_CONVERSION_PASSES_H
