// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function from level encoded to level integer. It is walked once, in
// order, and every tensor gets its model.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_FUNCTIONINTEGERIZER_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_FUNCTIONINTEGERIZER_H

#include "IntegerizeSettings.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::qfmt {

/// The integer function of `source`, before which it stands; null, with a
/// diagnostic, if there is none, and then nothing is left of it.
func::FuncOp integerizeFunction(func::FuncOp source,
                                const IntegerizeSettings &settings,
                                IntegerizeCounts &counts);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_FUNCTIONINTEGERIZER_H
