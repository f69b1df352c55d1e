// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that prepare matrix products for the code of any target.

#ifndef QFMT_CODEGEN_PRODUCTS_PASSES_H
#define QFMT_CODEGEN_PRODUCTS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::qfmt {

#define GEN_PASS_DECL
#include "qfmt/CodeGen/Products/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "qfmt/CodeGen/Products/Passes.h.inc"

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_PASSES_H
