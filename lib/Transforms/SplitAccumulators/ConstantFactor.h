// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with constants: what is known of their sums beyond the largest of
// them.

#ifndef QFMT_LIB_TRANSFORMS_SPLITACCUMULATORS_CONSTANTFACTOR_H
#define QFMT_LIB_TRANSFORMS_SPLITACCUMULATORS_CONSTANTFACTOR_H

#include "WideSum.h"

namespace mlir::qfmt {

/// The factor of a term that reads a constant alone: |factor(code)| for every
/// element of the constant, and the other factor's largest magnitude.
struct ChainFactor {
  std::vector<uint64_t> magnitudes;
  /// Sizes of the constant's dimensions, and the loop that indexes each.
  SmallVector<int64_t> shape;
  SmallVector<unsigned> loops;
  uint64_t other;

  static std::optional<ChainFactor> match(const WideSum &sum,
                                          ElementRanges &ranges);
};

/// The most steps of the reduced loop `loop` whose terms, for one step of the
/// other reduced loops except `whole`, which run as a whole, are safe wherever
/// they start.
uint64_t getSafeSteps(const ChainFactor &factor, const WideSum &sum,
                      unsigned loop, ArrayRef<unsigned> whole);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_SPLITACCUMULATORS_CONSTANTFACTOR_H
