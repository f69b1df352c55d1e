//===- PairedChannels.h - Halves that change places -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotary position embeddings need for each channel the other one of its pair:
//
//   y = concat(-x[n/2:], x[:n/2])            y[j] = sign[j] * x[source[j]]
//
// Any slices and signs, as long as each channel occurs once. Any order of
// channels passes if this table of pairs is permuted, too: as long as the pairs
// stay where slices find them nothing is to be done; otherwise a gather takes
// the place of slices and concatenation.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CHANNELREWRITES_RULES_PAIREDCHANNELS_H
#define QFMT_LIB_CHANNELREWRITES_RULES_PAIREDCHANNELS_H

#include "ChannelRule.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::qfmt {

class PairedChannels {
public:
  /// The concatenation that a slice goes to, by itself or negated.
  static std::optional<PairedChannels> match(tensor::ExtractSliceOp slice);
  static std::optional<PairedChannels> match(tensor::ConcatOp concat);

  Value getInput() const { return input; }
  tensor::ConcatOp getConcat() const { return concat; }
  ArrayRef<tensor::ExtractSliceOp> getSlices() const { return slices; }

  /// The map of the result from that of the input, and the other way round;
  /// none for rotations.
  std::optional<ChannelMap> getResultMap(const ChannelMap &inputMap) const;
  std::optional<ChannelMap> getInputMap(const ChannelMap &resultMap) const;

  /// True if slices do not find the channels any more.
  bool needsGather(const ChannelMap &inputMap) const;
  /// Lets a gather take the place of the concatenation, which nothing reads any
  /// more.
  void replaceByGather(const ChannelMap &inputMap) const;

private:
  /// The channel from which `number`, of the map's, comes.
  int64_t getSource(const ChannelMap &map, int64_t number) const;
  double getSign(const ChannelMap &map, int64_t number) const;
  /// A map that has the axis along which the channels are sliced.
  ChannelMap onAxis(const ChannelMap &map) const;

  Value input;
  tensor::ConcatOp concat;
  SmallVector<tensor::ExtractSliceOp> slices;
  int64_t axis;
  std::vector<int64_t> source;
  std::vector<double> sign;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_RULES_PAIREDCHANNELS_H
