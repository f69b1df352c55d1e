// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real or observed; with `moments`, statistics of what the layers
//         read.
// Output: the same; layers sum over rotated channels, in which no channel is an
//         outlier.
//
// What computes the tensor is rotated where it is linear, else the tensor is at
// run time. Whether the readers' weights profit is not asked: rotated weights
// have hardly ever larger outliers than the weights that they are made of.

#include "../ChannelOrder.h"
#include "../ChannelRows.h"
#include "../Proposer.h"
#include "../RowErrors.h"
#include "qfmt/ChannelRewrites/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_ROTATECHANNELS
#include "qfmt/ChannelRewrites/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

namespace {
/// The layers of the network as it was: rotations at run time are layers as
/// well, by which numbers in names change.
class OriginalLayers {
public:
  static FailureOr<OriginalLayers> collect(ModuleOp module) {
    FailureOr<SmallVector<Layer>> layers = collectLayers(module);
    if (failed(layers))
      return failure();
    OriginalLayers result;
    for (const Layer &layer : *layers)
      result.names.insert({layer.op, layer.name});
    return result;
  }

  bool empty() const { return names.empty(); }

  /// The first tensor that original layers read of which none is done, without
  /// other readers and with the original names; none if all are done.
  std::optional<SharedInput> findNext(ArrayRef<SharedInput> inputs) const {
    for (SharedInput input : inputs) {
      llvm::erase_if(input.readers, [&](const ChannelReader &reader) {
        return !names.contains(reader.layer.op);
      });
      if (input.readers.empty() ||
          llvm::any_of(input.getReaders(),
                       [&](Operation *op) { return done.contains(op); }))
        continue;
      for (ChannelReader &reader : input.readers)
        reader.layer.name = names.lookup(reader.layer.op);
      return input;
    }
    return std::nullopt;
  }

  void markDone(Operation *op) { done.insert(op); }

private:
  llvm::DenseMap<Operation *, std::string> names;
  llvm::DenseSet<Operation *> done;
};
} // namespace

/// The blocks that come into question, largest first.
static SmallVector<int64_t> getBlocks(int64_t channels) {
  SmallVector<int64_t> blocks;
  // Smaller ones spread too little.
  constexpr int64_t kLeast = 16;
  for (int64_t size = Rotation::getLargestBlock(channels);
       size >= kLeast || (blocks.empty() && size > 1); --size)
    if (Rotation::get(channels, size, /*seed=*/0))
      blocks.push_back(size);
  return blocks;
}

namespace {
using MaybeMap = std::optional<ChannelMap>;

/// Chooses a rotation for one tensor.
class RotationChooser {
public:
  /// `data` and `errors` may be null: then every rotation helps.
  RotationChooser(ChannelRewriter &rewriter, uint64_t seed, StringRef what,
                  const ChannelData *data, RowErrors *errors)
      : rewriter(rewriter), seed(seed), what(what), data(data), errors(errors) {
  }

  /// The first of the blocks that costs nothing, or else the first that is
  /// allowed, if it helps.
  FailureOr<MaybeMap> choose(const SharedInput &input,
                             ArrayRef<int64_t> blocks) {
    if (blocks.empty())
      return MaybeMap();
    SmallVector<ChannelMap, 2> maps = findAllowed(input, blocks);
    // The rewriter says why it is refused.
    if (maps.empty())
      return MaybeMap(getMap(input, blocks.front()));
    if (!data)
      return MaybeMap(maps.front());
    for (const ChannelMap &map : maps) {
      FailureOr<bool> better = helps(input, map);
      if (failed(better))
        return failure();
      if (*better)
        return MaybeMap(map);
    }
    return MaybeMap();
  }

private:
  ChannelMap getMap(const SharedInput &input, int64_t block) const {
    return ChannelMap::rotate(
        input.axes, input.shape,
        Rotation::get(input.getNumChannels(), block, seed));
  }

  /// At most one that costs nothing, then at most one that costs something.
  SmallVector<ChannelMap, 2> findAllowed(const SharedInput &input,
                                         ArrayRef<int64_t> blocks) {
    SmallVector<ChannelMap, 2> maps;
    for (int64_t block : blocks) {
      ChannelMap map = getMap(input, block);
      std::optional<ChannelCost> cost =
          rewriter.getCost(input.tensor, map, input.getReaders());
      if (cost && cost->materialized == 0) {
        maps.insert(maps.begin(), map);
        break;
      }
      if (cost && maps.empty())
        maps.push_back(map);
    }
    return maps;
  }

  /// Of all readers, [others][channels].
  static std::vector<double> getWeights(const SharedInput &input) {
    std::vector<double> weights;
    for (const ChannelReader &reader : input.readers)
      llvm::append_range(weights, transposeRows(reader.weights, reader.others));
    return weights;
  }

  FailureOr<bool> helps(const SharedInput &input, const ChannelMap &map) {
    FailureOr<std::vector<double>> rows = getChannelRows(*data, input);
    if (failed(rows))
      return failure();
    Operation *op = input.getReaders().front();
    int64_t channels = input.getNumChannels();
    std::vector<double> weights = getWeights(input);
    FailureOr<double> before =
        errors->get(op, *rows, channels, transposeRows(weights, channels));
    map.rotation->apply(*rows);
    map.rotation->apply(weights);
    FailureOr<double> after =
        errors->get(op, *rows, channels, transposeRows(weights, channels));
    if (failed(before) || failed(after))
      return failure();
    if (*after < *before)
      return true;
    InFlightDiagnostic remark = op->emitRemark();
    remark << what << ": its data stay, as ";
    if (*before > 0)
      remark << "a rotation would change their squared rounding errors by a "
             << "factor of " << *after / *before;
    else
      remark << "they are rounded without an error";
    return false;
  }

  ChannelRewriter &rewriter;
  uint64_t seed;
  StringRef what;
  const ChannelData *data;
  RowErrors *errors;
};

struct RotateChannelsPass
    : ProposerPass<qfmt::impl::RotateChannelsBase<RotateChannelsPass>> {
  using ProposerPass::ProposerPass;

  /// Everything that compiling needs: no dialect can be loaded later on.
  void getDependentDialects(DialectRegistry &registry) const override {
    registerPipelineDialects(registry);
  }

  LogicalResult propose(ChannelRewriter &rewriter) override {
    auto emit = [&] { return emitPassError(); };
    FailureOr<RowErrors> errors =
        RowErrors::create(format, group, bits, &getContext(), emit);
    if (failed(verifyOptions()) || failed(errors) ||
        failed(requireLayers(rewriter, [&] { return emitPassError(); })))
      return failure();
    FailureOr<std::optional<ChannelData>> found =
        ChannelData::readIfGiven(getOperation(), moments, emit);
    if (failed(found))
      return failure();
    const ChannelData *data = *found ? &**found : nullptr;
    RotationChooser chooser(rewriter, seed, getWhat(), data, &*errors);
    return rotateAll(rewriter, chooser);
  }

private:
  /// As rewriteSharedInputs does, but for rotations, which become layers.
  LogicalResult rotateAll(ChannelRewriter &rewriter, RotationChooser &chooser) {
    FailureOr<OriginalLayers> layers = OriginalLayers::collect(getOperation());
    if (failed(layers))
      return failure();
    while (true) {
      auto inputs = rewriter.collectSharedInputs();
      if (failed(inputs))
        return failure();
      std::optional<SharedInput> input = layers->findNext(*inputs);
      if (!input)
        return success();
      SmallVector<Operation *> readers = input->getReaders();
      llvm::for_each(readers, [&](Operation *op) { layers->markDone(op); });
      FailureOr<SmallVector<int64_t>> blocks = getAllowedBlocks(*input);
      if (failed(blocks))
        return failure();
      FailureOr<MaybeMap> map = chooser.choose(*input, *blocks);
      if (failed(map))
        return failure();
      if (!*map)
        continue;
      // What was recorded does not tell how the data of these are then.
      SmallVector<AffectedLayer> affected =
          rewriter.getAffectedLayers(input->tensor, **map, readers);
      if (!rewriter.rewrite(input->tensor, **map, readers, getWhat()))
        continue;
      for (const AffectedLayer &layer : affected)
        if (!layer.computes)
          layers->markDone(layer.op);
    }
  }

  LogicalResult verifyOptions() {
    if (block == 1)
      return emitPassError() << "option 'block' is 1, which rotates nothing: "
                                "give a power of two, or one times 12 or 20";
    if (block != 0 && !Rotation::get(block, block, seed))
      return emitPassError()
             << "option 'block' is " << static_cast<int64_t>(block)
             << ", and no Hadamard matrix of that size is known here: give a "
                "power of two, or one times 12 or 20";
    if (moments.empty() && (!format.empty() || group != 0))
      return emitPassError()
             << "options 'format' and 'group' say how to measure data, and "
                "option 'moments' is missing: give the .npz file that "
                "qfmt-annotate{moments=FILE} writes";
    return success();
  }

  FailureOr<SmallVector<int64_t>> getAllowedBlocks(const SharedInput &input) {
    int64_t channels = input.getNumChannels();
    if (block == 0)
      return getBlocks(channels);
    if (channels % block != 0)
      return input.getReaders().front()->emitOpError()
             << "sums over " << channels << " channels, which blocks of "
             << static_cast<int64_t>(block)
             << " do not divide; give another 'block', or 0 for the "
             << "largest that is possible";
    return SmallVector<int64_t>{static_cast<int64_t>(block)};
  }
};
} // namespace
