// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vectors of channels that calibration has recorded, row by row.

#ifndef QFMT_LIB_CHANNELREWRITES_CHANNELROWS_H
#define QFMT_LIB_CHANNELREWRITES_CHANNELROWS_H

#include "ChannelData.h"

namespace mlir::qfmt {

/// Vectors of a layer's data, [n][channels], from those that it sums over,
/// [n][positions], the channels of whose positions are given. A window has
/// several positions of each channel, and gives that many rows. Empty if not
/// all channels have equally many positions.
std::vector<double> getChannelRows(ArrayRef<double> vectors,
                                   ArrayRef<int64_t> channelOfPosition,
                                   int64_t channels);

/// What the first reader with recorded rows has read of the tensor; its other
/// readers have read the same. Fails with a diagnostic at a reader if there is
/// none, or if it reads some channels more often than others.
FailureOr<std::vector<double>> getChannelRows(const ChannelData &data,
                                              const SharedInput &input);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_CHANNELROWS_H
