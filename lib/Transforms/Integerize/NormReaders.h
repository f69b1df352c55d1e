// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whether a value is normalised: whether its square goes into a root.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_NORMREADERS_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_NORMREADERS_H

#include "mlir/IR/Value.h"

namespace mlir::qfmt {

/// True if something between `value`, a scalar of a linalg body, and the next
/// quantized tensors is a root of sums, products or multiples of it. Such
/// values are worth more bits: a row that is nearly constant has a small root,
/// and its errors are divided by it.
bool isReadByNorm(Value value);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_NORMREADERS_H
