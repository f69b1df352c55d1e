// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes between the levels of the IR, from reals to constituents.

#ifndef QFMT_TRANSFORMS_PASSES_H
#define QFMT_TRANSFORMS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Transforms/DamageMeasure.h"
#include "qfmt/Transforms/DivisionPolicy.h"
#include "qfmt/Transforms/Level.h"
#include "qfmt/Transforms/Scope.h"

namespace mlir::qfmt {

#define GEN_PASS_DECL
#include "qfmt/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "qfmt/Transforms/Passes.h.inc"

} // namespace mlir::qfmt

#endif // QFMT_TRANSFORMS_PASSES_H
