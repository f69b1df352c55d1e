//===- ChannelData.h - What calibration saw of channels ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statistics are recorded of the vectors that a layer sums over
// (ChannelStatistics.h), rewrites speak of the channels of a tensor: here the
// former become the latter, for all layers that read the tensor.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CHANNELREWRITES_CHANNELDATA_H
#define QFMT_LIB_CHANNELREWRITES_CHANNELDATA_H

#include "../Calibration/ChannelStatistics.h"
#include "ChannelRewriter.h"
#include "ChannelScales.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::qfmt {

/// A layer that reads the tensor, and what it read in calibration.
struct ReaderData {
  std::string name;
  WeightedSum sum;
  WeightMatrices matrices;
  /// Owned by ChannelData.
  const ChannelStatistics *statistics;
  /// The channel of each position of [groups][depth].
  std::vector<int64_t> channels;
  /// Of each element of the weights, row-major: its value, its channel, and its
  /// place in the order of `matrices`.
  std::vector<double> weights;
  std::vector<int64_t> weightChannels, weightPlaces;

  /// Numbers for the elements of the weights in the order of `matrices`.
  std::vector<double> arrange(ArrayRef<double> elements) const;
};

/// A tensor whose channels may be changed.
struct InputData {
  SmallVector<int64_t> axes, shape;
  /// By channel, over everything that any reader has read of it; channels that
  /// none has read are 0.
  ChannelRanges ranges;
  /// By channel, the largest magnitude of the weights that read it.
  std::vector<double> largestWeights;
  SmallVector<ReaderData, 0> readers;
};

/// The statistics of all layers of a network.
class ChannelData {
public:
  /// Fails with a diagnostic at the layer if `file`, which qfmt-annotate has
  /// written, lacks something of it, or one that begins with what `emitError`
  /// says if the module has no layers or the file cannot be read.
  static FailureOr<ChannelData>
  read(ModuleOp module, StringRef file,
       function_ref<InFlightDiagnostic()> emitError);

  /// The same where a pass can do without: nothing if `file` is empty.
  static FailureOr<std::optional<ChannelData>>
  readIfGiven(ModuleOp module, StringRef file,
              function_ref<InFlightDiagnostic()> emitError);

  /// Fails with a diagnostic at the layer if a network that was not this one
  /// has grown a layer since.
  FailureOr<InputData> get(const SharedInput &input) const;

private:
  llvm::StringMap<ChannelStatistics> layers;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_CHANNELDATA_H
