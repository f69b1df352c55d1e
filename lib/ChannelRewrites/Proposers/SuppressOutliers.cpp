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
#include <cmath>
#include <limits>

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

  /// The best of scales, shifts and both, of those that are worth asking for.
  FailureOr<ChannelChange> suppress(ChannelRewriter &rewriter,
                                    const SharedInput &shared,
                                    const InputData &input,
                                    LayerRounding &rounding) {
    std::vector<double> midRange = input.ranges.getMidRange();
    Choices choices = findChoices(rewriter, shared, midRange);
    FailureOr<ChannelChange> scaled =
        searchThreshold(input, rounding, getLeast(choices.scale), {});
    if (failed(scaled) || !shift || !choices.shift)
      return scaled;
    FailureOr<ChannelChange> shifted =
        searchThreshold(input, rounding, getLeast(choices.both), midRange);
    if (failed(shifted) || !(shifted->lossAfter < scaled->lossAfter))
      return failed(shifted) ? shifted : scaled;
    // The loss of the channels as they are.
    shifted->lossBefore = scaled->lossBefore;
    return shifted;
  }

  /// No threshold but the largest magnitude is tried if there is to be no
  /// scale.
  double getLeast(bool scales) const {
    return scales ? double(leastThreshold)
                  : std::numeric_limits<double>::infinity();
  }

  /// Which kinds of changes are possible. Shifts are if they ask for no
  /// operation at run time that a scale would not ask for.
  struct Choices {
    bool scale, shift, both;
  };
  static Choices findChoices(ChannelRewriter &rewriter,
                             const SharedInput &shared,
                             ArrayRef<double> midRange) {
    SmallVector<Operation *> readers = shared.getReaders();
    // Any scales, but not all alike: what is alike passes more operations.
    std::vector<double> ones(shared.getNumChannels(), 1.0), scales;
    for (int64_t channel = 0; channel < shared.getNumChannels(); ++channel)
      scales.push_back(2.0 + channel);
    auto getCost = [&](std::vector<double> scale, std::vector<double> shift) {
      ChannelMap map = ChannelMap::affine(shared.axes, shared.shape,
                                          std::move(scale), std::move(shift));
      return rewriter.getCost(shared.tensor, map, readers);
    };
    std::optional<ChannelCost> scale = getCost(scales, {}),
                               shift = getCost(ones, midRange),
                               both = getCost(scales, midRange);
    bool canBoth =
        both && (!scale || both->materialized <= scale->materialized);
    bool isShiftFree = shift && shift->materialized == 0;
    return {scale.has_value(), canBoth || isShiftFree, canBoth};
  }
};
} // namespace
