// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a layer computes, by channel: from its weights alone, or on data.

#ifndef QFMT_LIB_CHANNELREWRITES_KEYROWS_H
#define QFMT_LIB_CHANNELREWRITES_KEYROWS_H

#include "ChannelData.h"

namespace mlir::qfmt {

/// The norm of the weights that compute each output of a layer without groups.
std::vector<double> getKeyWeightNorms(const WeightedSum &layer);

/// The layer's results for the recorded rows of its data, [n][outputs], with
/// the bias that follows at once: constants that are added to its result,
/// alike for all positions. Fails with a diagnostic at the layer if no rows
/// were recorded.
FailureOr<std::vector<double>> getKeyRows(ChannelRewriter &rewriter,
                                          const ChannelData &data,
                                          const WeightedSum &layer);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_KEYROWS_H
