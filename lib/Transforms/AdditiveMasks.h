//===- AdditiveMasks.h - Masks of attention ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which operations add a mask of -inf, -3.4e38 or -1e4 to scores, or select it
// instead of them. What they compute has no range that a format could be
// calibrated to.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ADDITIVEMASKS_H
#define QFMT_LIB_TRANSFORMS_ADDITIVEMASKS_H

#include "DataValues.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::qfmt {

/// True if `value` is computed from integers and truth values alone, by casts,
/// comparisons and arithmetic of single elements: integers denote it exactly.
bool isExactImageOfIntegers(Value value, const DataValues &data);

/// True if the element-wise `op` adds constants, or an exact image of integers,
/// of which some are -1000 or less, or selects them.
bool addsMask(linalg::LinalgOp op, const DataValues &data);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ADDITIVEMASKS_H
