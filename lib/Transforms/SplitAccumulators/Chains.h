// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes a sum as 32-bit chains that are added up in 64 bits.

#ifndef QFMT_LIB_TRANSFORMS_SPLITACCUMULATORS_CHAINS_H
#define QFMT_LIB_TRANSFORMS_SPLITACCUMULATORS_CHAINS_H

#include "ChainPlanner.h"

namespace mlir::qfmt {

/// The sum of all terms and of the operation's initial value, in the chains of
/// `plan`.
linalg::GenericOp buildChains(OpBuilder &builder, const WideSum &sum,
                              const ChainPlan &plan);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_SPLITACCUMULATORS_CHAINS_H
