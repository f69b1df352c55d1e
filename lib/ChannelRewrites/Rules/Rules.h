// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules, each in a file of its own. `get` is null if the operation is none
// of its kind.

#ifndef QFMT_LIB_CHANNELREWRITES_RULES_RULES_H
#define QFMT_LIB_CHANNELREWRITES_RULES_RULES_H

#include "ChannelRule.h"

namespace mlir::qfmt {

/// False, with the reason.
inline bool refuse(std::string &reason, const char *why) {
  reason = why;
  return false;
}

/// Sums of products with constant weights: linear layers, convolutions.
const ChannelRule *getWeightedSumRule(Operation *op,
                                      const ExactConstants &constants);
/// Sums of products of two computed tensors: attention.
const ChannelRule *getProductSumRule(Operation *op);
/// Element-wise operations.
const ChannelRule *getElementwiseRule(Operation *op);
/// Sums, maxima and the like of elements along loops.
const ChannelRule *getReductionRule(Operation *op);
/// Reshapes, slices, concatenations, padding, observers.
const ChannelRule *getMoveRule(Operation *op);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_RULES_RULES_H
