// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evidence that a rewrite has not changed a function: both are run on random
// numbers in double.

#ifndef QFMT_LIB_CHANNELREWRITES_VERIFYEQUIVALENCE_H
#define QFMT_LIB_CHANNELREWRITES_VERIFYEQUIVALENCE_H

#include "ExactConstants.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlir::qfmt {

/// A copy without observers that computes in f64 what `module` does in f32,
/// with the exact constants if they are given.
OwningOpRef<ModuleOp> cloneInDouble(ModuleOp module,
                                    const ExactConstants *constants);

/// Runs each public function of `original`, and the same of `rewritten` with
/// the exact constants, with all floats widened to f64, on normally distributed
/// arguments. Fails with a diagnostic at the function if a result differs by
/// more than 1e-12 of the largest result. A remark says by how much, and how
/// much rounding the constants to their type adds.
LogicalResult verifyEquivalence(ModuleOp original, ModuleOp rewritten,
                                const ExactConstants &constants);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_VERIFYEQUIVALENCE_H
