// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real or observed; with `moments`, statistics of what the layers
//         read.
// Output: the same; layers sum over channels sorted by magnitude, so that
//         blocks with a scale of their own hold channels of like magnitude.
//
// Tensors whose channels can only move together, such as those of a residual
// stream, get one order for all. Nothing is sorted at run time unless `gather`
// allows it.

#include "../ChannelOrder.h"
#include "../ChannelRows.h"
#include "../Proposer.h"
#include "../RowErrors.h"
#include "qfmt/ChannelRewrites/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include <cmath>

namespace mlir::qfmt {
#define GEN_PASS_DEF_SORTCHANNELS
#include "qfmt/ChannelRewrites/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

namespace {
/// What one layer reads, or its weights.
struct Source {
  /// [n][channels].
  std::vector<double> rows;
  /// Of the layer, by which errors of the rows count, [channels][others]; empty
  /// if the rows are the weights.
  std::vector<double> weights;
};
} // namespace

/// The channels' magnitudes over all sources, each relative to its own.
static std::vector<double> getScores(ArrayRef<Source> sources,
                                     int64_t channels) {
  std::vector<double> scores(channels, 0.0);
  for (const Source &source : sources) {
    std::vector<double> sizes = getColumnSizes(source.rows, channels);
    double whole = getRowNorms(sizes, channels).front();
    if (whole > 0)
      for (int64_t i = 0; i < channels; ++i)
        scores[i] += sizes[i] / whole;
  }
  return scores;
}

namespace {
using MaybeMap = std::optional<ChannelMap>;

/// Within which channels may move.
struct Freedom {
  int64_t run;
  /// Whether all runs have to have the same order.
  bool tied;
};

/// Chooses an order for one tensor, and for those that it is tied to.
class OrderChooser {
public:
  /// `data` may be null: then the readers' weights decide.
  OrderChooser(ChannelRewriter &rewriter, StringRef what,
               const ChannelData *data, RowErrors &errors)
      : rewriter(rewriter), what(what), data(data), errors(errors) {}

  FailureOr<MaybeMap> choose(const SharedInput &input) {
    std::optional<Freedom> freedom = findFreedom(input);
    int64_t channels = input.getNumChannels();
    // If it is refused, the rewriter says why.
    if (!freedom)
      return MaybeMap(getMap(
          input, getProbeOrder(channels, channels, ChannelPairs::None, false)));
    FailureOr<std::vector<Source>> sources = getSources(input, *freedom);
    if (failed(sources))
      return failure();
    std::vector<double> scores = getScores(*sources, channels);
    if (freedom->tied)
      scores = tieRuns(scores, freedom->run);
    std::vector<int64_t> order =
        getDescendingOrder(scores, freedom->run, ChannelPairs::None);
    ChannelMap map = getMap(input, order);
    if (map.isIdentity())
      return MaybeMap();
    FailureOr<double> factor =
        getErrorFactor(input.getReaders().front(), *sources, order);
    if (failed(factor))
      return failure();
    InFlightDiagnostic remark = input.getReaders().front()->emitRemark()
                                << what << ": ";
    // Less is not worth it.
    constexpr double kMost = 0.999;
    if (!(*factor < kMost)) {
      remark << "channels stay, as sorting would change the squared rounding "
             << "errors by a factor of " << *factor;
      return MaybeMap();
    }
    remark << "sorting changes the squared rounding errors by a factor of "
           << *factor;
    return MaybeMap(map);
  }

private:
  static ChannelMap getMap(const SharedInput &input,
                           std::vector<int64_t> order) {
    return ChannelMap::permute(input.axes, input.shape, std::move(order));
  }

  static ChannelMap getProbe(const SharedInput &input, Freedom freedom) {
    return getMap(input, getProbeOrder(input.getNumChannels(), freedom.run,
                                       ChannelPairs::None, freedom.tied));
  }

  /// The most that is not refused.
  std::optional<Freedom> findFreedom(const SharedInput &input) {
    for (int64_t run : getRuns(input.getNumChannels()))
      for (bool tied : {false, true}) {
        if (tied && run == input.getNumChannels())
          continue;
        ChannelMap probe = getProbe(input, {run, tied});
        if (rewriter.getCost(input.tensor, probe, input.getReaders()))
          return Freedom{run, tied};
      }
    return std::nullopt;
  }

  /// Matrices [n][channels] of all layers that would read sorted channels: the
  /// rows of their data, or of their weights.
  FailureOr<std::vector<Source>> getSources(const SharedInput &input,
                                            Freedom freedom) {
    std::vector<Source> sources;
    auto inputs = rewriter.collectSharedInputs();
    if (failed(inputs))
      return failure();
    for (const AffectedLayer &layer : rewriter.getAffectedLayers(
             input.tensor, getProbe(input, freedom), input.getReaders())) {
      if (layer.computes || layer.weights.empty())
        continue;
      if (!data) {
        sources.push_back(
            {transposeRows(layer.weights,
                           layer.weights.size() / input.getNumChannels()),
             {}});
        continue;
      }
      FailureOr<std::vector<double>> rows = getRows(layer, *inputs);
      if (failed(rows))
        return failure();
      if (!rows->empty())
        sources.push_back({std::move(*rows), layer.weights});
    }
    return sources;
  }

  /// What a layer has read, with the channels in the order of its
  /// AffectedLayer; empty if they cannot be told.
  FailureOr<std::vector<double>> getRows(const AffectedLayer &layer,
                                         ArrayRef<SharedInput> inputs) {
    for (const SharedInput &input : inputs)
      for (const ChannelReader &reader : input.readers) {
        if (reader.layer.op != layer.op)
          continue;
        std::vector<int64_t> order =
            findRows(layer.weights, reader.weights, reader.others);
        if (order.empty())
          continue;
        FailureOr<std::vector<double>> rows = getChannelRows(*data, input);
        if (failed(rows))
          return failure();
        return permuteColumns(*rows, order);
      }
    return std::vector<double>();
  }

  /// The mean over sources of what the order does to their errors.
  FailureOr<double> getErrorFactor(Operation *op, ArrayRef<Source> sources,
                                   ArrayRef<int64_t> order) {
    double sum = 0;
    int64_t channels = order.size();
    for (const auto &[rows, weights] : sources) {
      std::vector<double> sorted;
      for (int64_t from : order)
        llvm::append_range(
            sorted, ArrayRef(weights).slice(from * (weights.size() / channels),
                                            weights.size() / channels));
      FailureOr<double> before = errors.get(op, rows, channels, weights);
      FailureOr<double> after =
          errors.get(op, permuteColumns(rows, order), channels, sorted);
      if (failed(before) || failed(after))
        return failure();
      sum += *before > 0 ? *after / *before : 1;
    }
    return sources.empty() ? 1 : sum / sources.size();
  }

  ChannelRewriter &rewriter;
  StringRef what;
  const ChannelData *data;
  RowErrors &errors;
};

struct SortChannelsPass
    : ProposerPass<qfmt::impl::SortChannelsBase<SortChannelsPass>> {
  using ProposerPass::ProposerPass;

  /// Everything that compiling needs: no dialect can be loaded later on.
  void getDependentDialects(DialectRegistry &registry) const override {
    registerPipelineDialects(registry);
  }

  LogicalResult propose(ChannelRewriter &rewriter) override {
    auto emit = [&] { return emitPassError(); };
    if (!format.empty() && moments.empty())
      return emit() << "option 'format' measures data, of which 'moments' is "
                       "missing: give the .npz file that "
                       "qfmt-annotate{moments=FILE} writes";
    if (block == 0)
      return emit() << "option 'block' is 0: give the number of channels that "
                       "share a scale";
    FailureOr<RowErrors> errors =
        RowErrors::create(format, block, bits, &getContext(), emit);
    if (failed(errors) ||
        failed(requireLayers(rewriter, [&] { return emitPassError(); })))
      return failure();
    FailureOr<std::optional<ChannelData>> found =
        ChannelData::readIfGiven(getOperation(), moments, emit);
    if (failed(found))
      return failure();
    const ChannelData *data = *found ? &**found : nullptr;
    OrderChooser chooser(rewriter, getWhat(), data, *errors);
    return rewriteSharedInputs(
        rewriter, getWhat(),
        [&](const SharedInput &input) { return chooser.choose(input); });
  }
};
} // namespace
