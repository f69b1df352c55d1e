// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who reads scores that a mask may be added to: of masked scores only some
// operations have an integer rule (MaskRules.cpp), and a constant that others
// read is a number like any other, whatever its size.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_MASKREADERS_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_MASKREADERS_H

#include "mlir/IR/Value.h"

namespace mlir::qfmt {

/// True if `scores`, in the body of a linalg operation of the network, only
/// lead to exp(c (v - max v)), c >= 1 / 2, through moves, casts and selections,
/// or to formats in which numbers of `reach` and below saturate; after the
/// subtraction, those of `reachBelowMaximum`. With `throughSums` also through
/// sums with other masks.
bool isReadAsMasked(Value scores, double reach, double reachBelowMaximum,
                    bool throughSums);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_MASKREADERS_H
