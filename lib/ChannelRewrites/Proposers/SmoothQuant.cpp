// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real or observed, and what qfmt-annotate has recorded of it.
// Output: the same function, where large channels of tensors that layers read
//         are smaller, and the weights that read them larger.
// Not done: a search for alpha; shifts.

#include "../LossProposer.h"
#include "qfmt/ChannelRewrites/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_SMOOTHQUANT
#include "qfmt/ChannelRewrites/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

namespace {
struct SmoothQuantPass
    : ProposerPass<qfmt::impl::SmoothQuantBase<SmoothQuantPass>> {
  using ProposerPass::ProposerPass;

  /// Everything that compiling needs: no dialect can be loaded later on.
  void getDependentDialects(DialectRegistry &registry) const override {
    registerPipelineDialects(registry);
  }

  LogicalResult propose(ChannelRewriter &rewriter) override {
    // Not true of NaN.
    if (!(alpha >= 0 && alpha <= 1))
      return emitPassError()
             << "option 'alpha' is " << alpha << ": give a number from 0 to 1";
    return rewriteByLoss(
        rewriter, getOperation(), {getWhat(), moments, weights, activations},
        [&] { return emitPassError(); },
        [&](const SharedInput &, const InputData &input,
            LayerRounding &rounding) { return smooth(input, rounding); });
  }

  FailureOr<ChannelChange> smooth(const InputData &input,
                                  LayerRounding &rounding) {
    ChannelChange change;
    change.scale = getSmoothQuantScales(input.ranges.getLargest(),
                                        input.largestWeights, alpha);
    if (powerOfTwo)
      roundToPowersOfTwo(change.scale);
    QuantizationLoss loss(input, rounding);
    FailureOr<double> before = loss.computeWithoutScale();
    FailureOr<double> after = loss.compute(change.scale);
    if (failed(before) || failed(after))
      return failure();
    change.lossBefore = *before;
    change.lossAfter = *after;
    return change;
  }
};
} // namespace
