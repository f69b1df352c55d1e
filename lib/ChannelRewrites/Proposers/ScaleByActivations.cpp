// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real or observed, and what qfmt-annotate has recorded of it.
// Output: the same function, where weights that read large channels are larger
//         among those that they share scales with, and so rounded finer.
// Not done: data is not rounded here; clipping of weights.

#include "../../Transforms/Assign/MomentLookup.h"
#include "../LossProposer.h"
#include "qfmt/ChannelRewrites/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_SCALEBYACTIVATIONS
#include "qfmt/ChannelRewrites/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

/// The loss of a reader's results from rounding its weights after the scale:
/// tr(D H D^T) with D = Q(W scale) / scale - W, which is that of the scaled
/// data with its own moments.
static FailureOr<double> getWeightLoss(const ReaderData &reader,
                                       ArrayRef<double> moments,
                                       LayerRounding &rounding,
                                       ArrayRef<double> scale) {
  FailureOr<std::vector<double>> errors = rounding.roundWeights(reader, scale);
  if (failed(errors))
    return failure();
  const WeightMatrices &matrices = reader.matrices;
  std::vector<double> weights = reader.arrange(reader.weights);
  for (size_t i = 0; i < weights.size(); ++i) {
    int64_t group = i / (matrices.outputs * matrices.depth);
    int64_t channel =
        reader.channels[group * matrices.depth + i % matrices.depth];
    (*errors)[i] = (*errors)[i] / scale[channel] - weights[i];
  }
  double loss = 0;
  int64_t depth = matrices.depth, size = matrices.outputs * depth;
  for (int64_t group = 0; group < matrices.groups; ++group)
    loss += getMomentLoss(ArrayRef(*errors).slice(group * size, size),
                          moments.slice(group * depth * depth, depth * depth),
                          depth);
  return loss;
}

namespace {
struct ScaleByActivationsPass
    : ProposerPass<qfmt::impl::ScaleByActivationsBase<ScaleByActivationsPass>> {
  using ProposerPass::ProposerPass;

  /// Everything that compiling needs: no dialect can be loaded later on.
  void getDependentDialects(DialectRegistry &registry) const override {
    registerPipelineDialects(registry);
  }

  LogicalResult propose(ChannelRewriter &rewriter) override {
    MomentTable table;
    if (!moments.empty()) {
      llvm::Expected<MomentTable> found = readMoments(moments);
      if (!found)
        return emitPassError() << llvm::toString(found.takeError());
      table = std::move(*found);
    }
    return rewriteByLoss(
        rewriter, getOperation(), {getWhat(), moments, weights, "f32"},
        [&] { return emitPassError(); },
        [&](const SharedInput &, const InputData &input,
            LayerRounding &rounding) {
          return search(table, input, rounding);
        });
  }

  /// The exponent with the least loss.
  FailureOr<ChannelChange> search(const MomentTable &table,
                                  const InputData &input,
                                  LayerRounding &rounding) {
    SmallVector<ArrayRef<double>> secondMoments;
    for (const ReaderData &reader : input.readers) {
      FailureOr<ArrayRef<double>> found = findMoments(
          table, moments, reader.name, reader.sum.op, reader.matrices);
      if (failed(found))
        return failure();
      secondMoments.push_back(*found);
    }
    // Those of the paper: 0, 1/20, ..., 19/20.
    constexpr size_t kExponents = 20;
    auto getScales = [&](size_t i) {
      return getActivationScales(input.ranges.magnitude,
                                 double(i) / kExponents);
    };
    std::optional<Candidate> best =
        findLeastLoss(kExponents, [&](size_t i) -> std::optional<double> {
          double sum = 0;
          for (auto [reader, moment] :
               llvm::zip_equal(input.readers, secondMoments)) {
            FailureOr<double> found =
                getWeightLoss(reader, moment, rounding, getScales(i));
            if (failed(found))
              return std::nullopt;
            sum += *found;
          }
          return sum;
        });
    if (!best)
      return failure();
    return ChannelChange{
        getScales(best->number), {}, best->firstLoss, best->loss};
  }
};
} // namespace
