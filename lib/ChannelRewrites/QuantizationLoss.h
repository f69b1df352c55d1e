//===- QuantizationLoss.h - What formats do to layers -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// By which proposers choose and decide whether a change of channels helps: how
// far the results of the layers that read a tensor are off if its data and
// their weights are rounded after the change,
//
//   sum over readers of the mean over the recorded rows x of
//     || Q(x~) Q(W~)^T - x~ W~^T ||^2,    x~ = (x - shift) / scale, W~ = W
//     scale
//
// Weights are rounded by `quantize`, compiled for this machine. Data in a
// number format has one static scale, that of qfmt-quantize{calibration=minmax}
// for the range of the changed channels; in formats with scales at run time
// rows are rounded as `quantize` rounds them, with blocks along what the layer
// sums over: as the network does for matrix products, and about so for windows.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CHANNELREWRITES_QUANTIZATIONLOSS_H
#define QFMT_LIB_CHANNELREWRITES_QUANTIZATIONLOSS_H

#include "../Transforms/Assign/WeightErrors.h"
#include "ChannelData.h"
#include "OutputLoss.h"

namespace mlir::qfmt {

/// Rounds as layers do that have these formats.
class LayerRounding {
public:
  explicit LayerRounding(const FormatChoice &formats);

  /// Q(W~) as WeightMatrices::arrange orders it. Fails with a diagnostic at the
  /// layer if its weights cannot have the format.
  FailureOr<std::vector<double>> roundWeights(const ReaderData &reader,
                                              ArrayRef<double> scale);

  /// x~, [n][depth], becomes Q(x~); `ranges` are those of the changed tensor.
  /// Fails as above.
  LogicalResult roundRows(const ReaderData &reader, const ChannelRanges &ranges,
                          std::vector<double> &rows);

private:
  void roundToNumbers(const ChannelRanges &ranges, std::vector<double> &rows);
  FailureOr<std::vector<double>> round(const ReaderData &reader,
                                       RankedTensorType type,
                                       std::vector<double> values,
                                       const OperandEncoding &encoding);

  FormatChoice formats;
  /// Of the data's number format, and of the one for what is never negative;
  /// none if that is no number format of at most 16 bits.
  std::optional<LevelSet> levels, nonNegativeLevels;
  WeightErrors roundTrips;
};

/// The loss for one tensor and one shift, none if it is empty, as a function of
/// the scales.
class QuantizationLoss {
public:
  /// All must outlive the object.
  QuantizationLoss(const InputData &input, LayerRounding &rounding,
                   ArrayRef<double> shift = {});

  /// Fails with a diagnostic at a layer without recorded rows, or whose weights
  /// or data cannot have the format.
  FailureOr<double> compute(ArrayRef<double> scale);
  FailureOr<double> computeWithoutScale();

private:
  FailureOr<double> compute(size_t reader, ArrayRef<double> scale,
                            const ChannelRanges &ranges);
  std::vector<double> getRows(const ReaderData &reader, int64_t group) const;
  ChannelRanges getRanges(ArrayRef<double> scale) const;

  const InputData &input;
  LayerRounding &rounding;
  std::vector<double> shift;
  /// By reader and group: rows less the shift, and their products with the
  /// weights.
  std::vector<std::vector<std::vector<double>>> rows, products;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_QUANTIZATIONLOSS_H
