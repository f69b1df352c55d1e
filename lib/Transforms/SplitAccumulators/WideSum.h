// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of integers in 64 bits: what qfmt-split-accumulators takes apart.

#ifndef QFMT_LIB_TRANSFORMS_SPLITACCUMULATORS_WIDESUM_H
#define QFMT_LIB_TRANSFORMS_SPLITACCUMULATORS_WIDESUM_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "qfmt/Analysis/ElementRanges.h"

namespace mlir::qfmt {

/// Bits of the accumulator of a chain, and the largest sum that it holds.
inline constexpr unsigned kChainBits = 32;
inline constexpr uint64_t kLargestSum = (uint64_t(1) << (kChainBits - 1)) - 1;

/// acc += term, acc an i64.
struct WideSum {
  linalg::LinalgOp op;
  Value term;
  ConstantIntRanges termRange;
  SmallVector<int64_t> sizes;
  /// Reduced loops, the outermost first.
  SmallVector<unsigned> reductions;
};

/// The sum that `op` is; none if it is something else, or has several results,
/// or dynamic sizes along reduced loops.
std::optional<WideSum> matchWideSum(linalg::LinalgOp op, ElementRanges &ranges);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_SPLITACCUMULATORS_WIDESUM_H
