// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real or observed.
// Output: the same; the channels between two layers are scaled such that the
//         weights that compute a channel and those that read it reach equally
//         far.
//
// Only where the weights absorb all of it. Tensors that several layers compute,
// such as residual streams, stay: what is right for one would be wrong for the
// others.

#include "../Equalization.h"
#include "../Proposer.h"
#include "qfmt/ChannelRewrites/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include <cmath>

namespace mlir::qfmt {
#define GEN_PASS_DEF_EQUALIZEWEIGHTS
#include "qfmt/ChannelRewrites/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

/// Ranges of weights by channel, on both sides of a tensor.
namespace {
struct WeightRanges {
  std::vector<double> computed, read;
};
} // namespace

/// Another scale for each channel: what folds it folds every scale.
static ChannelMap getProbe(const SharedInput &input) {
  std::vector<double> scale(input.getNumChannels());
  for (size_t i = 0; i < scale.size(); ++i)
    scale[i] = 2 + static_cast<double>(i) / scale.size();
  return ChannelMap::affine(input.axes, input.shape, std::move(scale));
}

/// None if constants do not absorb all scales, or if the tensor is not what
/// one layer computes.
static std::optional<WeightRanges> getRanges(ChannelRewriter &rewriter,
                                             const SharedInput &input) {
  ChannelMap probe = getProbe(input);
  SmallVector<Operation *> readers = input.getReaders();
  std::optional<ChannelCost> cost =
      rewriter.getCost(input.tensor, probe, readers);
  if (!cost || cost->materialized > 0)
    return std::nullopt;
  WeightRanges ranges;
  size_t channels = input.getNumChannels();
  ranges.read.assign(channels, 0);
  for (const AffectedLayer &layer :
       rewriter.getAffectedLayers(input.tensor, probe, readers)) {
    if (layer.weights.empty() || layer.weights.size() % channels != 0 ||
        (layer.computes && !ranges.computed.empty()))
      return std::nullopt;
    std::vector<double> found =
        getRowRanges(layer.weights, layer.weights.size() / channels);
    if (layer.computes)
      ranges.computed = std::move(found);
    else
      for (size_t i = 0; i < channels; ++i)
        ranges.read[i] = std::max(ranges.read[i], found[i]);
  }
  if (ranges.computed.empty())
    return std::nullopt;
  return ranges;
}

/// True if a scale is so far from 1 that it is worth another round.
static bool isWorthIt(ArrayRef<double> scales) {
  constexpr double kTolerance = 1e-3;
  return llvm::any_of(
      scales, [](double scale) { return std::abs(scale - 1) > kTolerance; });
}

namespace {
struct EqualizeWeightsPass
    : ProposerPass<qfmt::impl::EqualizeWeightsBase<EqualizeWeightsPass>> {
  using ProposerPass::ProposerPass;

  /// Everything that compiling needs: no dialect can be loaded later on.
  void getDependentDialects(DialectRegistry &registry) const override {
    registerPipelineDialects(registry);
  }

  LogicalResult propose(ChannelRewriter &rewriter) override {
    if (failed(requireLayers(rewriter, [&] { return emitPassError(); })))
      return failure();
    for (unsigned round = 0; round < rounds; ++round) {
      FailureOr<bool> changed = equalizeAll(rewriter);
      if (failed(changed))
        return failure();
      if (!*changed)
        break;
    }
    return success();
  }

private:
  /// Each tensor once, in program order; whether anything has changed.
  FailureOr<bool> equalizeAll(ChannelRewriter &rewriter) {
    bool changed = false;
    auto inputs = rewriter.collectSharedInputs();
    // Scales that are folded leave as many tensors as there were.
    for (size_t i = 0; succeeded(inputs) && i < inputs->size(); ++i) {
      const SharedInput &input = (*inputs)[i];
      std::optional<WeightRanges> ranges = getRanges(rewriter, input);
      if (!ranges)
        continue;
      std::vector<double> scales =
          getEqualizingScales(ranges->computed, ranges->read, powerOfTwo);
      if (!isWorthIt(scales))
        continue;
      ChannelMap map =
          ChannelMap::affine(input.axes, input.shape, std::move(scales));
      if (!rewriter.rewrite(input.tensor, map, input.getReaders(), getWhat()))
        continue;
      changed = true;
      inputs = rewriter.collectSharedInputs();
    }
    if (failed(inputs))
      return failure();
    return changed;
  }
};
} // namespace
