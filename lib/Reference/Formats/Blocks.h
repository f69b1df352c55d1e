// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The blocks of a tensor, and what scale rules ask of them.

#ifndef QFMT_LIB_REFERENCE_FORMATS_BLOCKS_H
#define QFMT_LIB_REFERENCE_FORMATS_BLOCKS_H

#include "qfmt/IR/QFmt.h"
#include "qfmt/Reference/ReferenceFormat.h"

namespace mlir::qfmt::reference {

/// Calls `visit` with each element and the block it is in, in row-major order.
void forEachElement(ScaledAttr format, ArrayRef<int64_t> shape,
                    function_ref<void(int64_t element, int64_t block)> visit);

int64_t getNumBlocks(ScaledAttr format, ArrayRef<int64_t> shape);

/// The least and the greatest of a block's finite values and 0.
struct BlockRange {
  ExactReal low, high;

  void include(const ExactReal &value) {
    if (!value.isFinite())
      return;
    if (value < low)
      low = value;
    if (value > high)
      high = value;
  }
  ExactReal getAbsMax() const {
    return low.abs() > high.abs() ? low.abs() : high.abs();
  }
};

/// One entry a block.
std::vector<BlockRange>
getBlockRanges(ScaledAttr format, ArrayRef<int64_t> shape, const Reals &reals);

} // namespace mlir::qfmt::reference

#endif // QFMT_LIB_REFERENCE_FORMATS_BLOCKS_H
