// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real or observed, and what qfmt-annotate has recorded of it.
// Output: the same function, where tensors that layers read have their
//         channels around 0 and none beyond a threshold.
// Not done: attention's scores as the loss; that of the layers' results is
//         taken instead.

#include "../LossProposer.h"
#include "qfmt/ChannelRewrites/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_SUPPRESSOUTLIERS
#include "qfmt/ChannelRewrites/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

/// The scales of the threshold with the least loss.
static FailureOr<ChannelChange> searchThreshold(const InputData &input,
                                                LayerRounding &rounding,
                                                double least,
                                                std::vector<double> shift) {
  std::vector<double> largest = input.ranges.getLargest(shift);
  double top = 0;
  for (double value : largest)
    top = std::max(top, value);
  std::vector<double> thresholds = getThresholds(top, least);
  QuantizationLoss loss(input, rounding, shift);
  std::optional<Candidate> best =
      findLeastLoss(thresholds.size(), [&](size_t i) -> std::optional<double> {
        FailureOr<double> found =
            loss.compute(getThresholdScales(largest, thresholds[i]));
        return failed(found) ? std::nullopt : std::optional<double>(*found);
      });
  if (!best)
    return failure();
  return ChannelChange{getThresholdScales(largest, thresholds[best->number]),
                       std::move(shift), best->firstLoss, best->loss};
}

namespace {
struct SuppressOutliersPass
    : ProposerPass<qfmt::impl::SuppressOutliersBase<SuppressOutliersPass>> {
  using ProposerPass::ProposerPass;

  /// Everything that compiling needs: no dialect can be loaded later on.
  void getDependentDialects(DialectRegistry &registry) const override {
    registerPipelineDialects(registry);
  }

  LogicalResult propose(ChannelRewriter &rewriter) override {
    if (!(leastThreshold > 0) || !std::isfinite(leastThreshold))
      return emitPassError() << "option 'least-threshold' is " << leastThreshold
                             << ": give a number greater than 0";
    return rewriteByLoss(
        rewriter, getOperation(), {getWhat(), moments, weights, activations},
        [&] { return emitPassError(); },
        [&](const SharedInput &shared, const InputData &input,
            LayerRounding &rounding) {
          return suppress(rewriter, shared, input, rounding);
        });
  }

  /// The better of scales alone and scales and shifts.
  FailureOr<ChannelChange> suppress(ChannelRewriter &rewriter,
                                    const SharedInput &shared,
                                    const InputData &input,
                                    LayerRounding &rounding) {
    FailureOr<ChannelChange> scaled =
        searchThreshold(input, rounding, leastThreshold, {});
    std::vector<double> midRange = input.ranges.getMidRange();
    if (failed(scaled) || !shift || !isShiftFree(rewriter, shared, midRange))
      return scaled;
    FailureOr<ChannelChange> shifted =
        searchThreshold(input, rounding, leastThreshold, midRange);
    if (failed(shifted) || !(shifted->lossAfter < scaled->lossAfter))
      return failed(shifted) ? shifted : scaled;
    // The loss of the channels as they are.
    shifted->lossBefore = scaled->lossBefore;
    return shifted;
  }

  /// True if a shift asks for no operation at run time that a scale would not
  /// ask for.
  static bool isShiftFree(ChannelRewriter &rewriter, const SharedInput &shared,
                          ArrayRef<double> midRange) {
    SmallVector<Operation *> readers = shared.getReaders();
    auto getCost = [&](double scale, ArrayRef<double> shift) {
      ChannelMap map = ChannelMap::affine(
          shared.axes, shared.shape,
          std::vector<double>(shared.getNumChannels(), scale), shift);
      return rewriter.getCost(shared.tensor, map, readers);
    };
    // Any scale but 1.
    constexpr double kScale = 2;
    std::optional<ChannelCost> scaled = getCost(kScale, {});
    std::optional<ChannelCost> shifted = getCost(kScale, midRange);
    return shifted &&
           (!scaled || shifted->materialized <= scaled->materialized);
  }
};
} // namespace
