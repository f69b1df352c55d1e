// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real or observed; with `moments`, statistics of what the layers
//         read.
// Output: the same; the channels that attention's scores sum over are sorted by
//         the norms of the keys, head by head.
//
// Scores are products of two computed tensors summed over channels of both:
// found by what operations compute, not by names. What the sum runs over has to
// be channels that one layer computes, the keys', and not positions: then a
// permutation of it folds into that layer. Which channels form heads follows
// from the length of the sum.

#include "../../Transforms/SummedProducts.h"
#include "../ChannelOrder.h"
#include "../KeyRows.h"
#include "../Proposer.h"
#include "../RowErrors.h"
#include "qfmt/ChannelRewrites/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include <numeric>

namespace mlir::qfmt {
#define GEN_PASS_DEF_SORTKEYS
#include "qfmt/ChannelRewrites/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

namespace {
/// A sum of products of two computed tensors over one loop.
struct ScoreProduct {
  linalg::LinalgOp op;
  OpOperand *keys, *queries;
  /// The dimension of the keys that is summed over.
  int64_t axis, size;
};

/// Within which channels of the layer may move.
struct Freedom {
  ChannelPairs pairs;
  /// Whether all heads have to have the same order.
  bool tied;
};
} // namespace

static std::optional<ScoreProduct> matchProduct(Operation *operation,
                                                KeySide side) {
  auto op = dyn_cast<linalg::LinalgOp>(operation);
  if (!op || !op.hasPureTensorSemantics() || op.getNumReductionLoops() != 1)
    return std::nullopt;
  SmallVector<OpOperand *> factors = getFactors(op);
  if (factors.size() != 2 || llvm::any_of(factors, [](OpOperand *factor) {
        return ConstantTensor::read(factor->get()).has_value();
      }))
    return std::nullopt;
  SmallVector<unsigned> loops;
  op.getReductionDims(loops);
  AffineExpr loop = getAffineDimExpr(loops.front(), op.getContext());
  for (OpOperand *factor : factors)
    if (!op.getMatchingIndexingMap(factor).getResultPosition(loop))
      return std::nullopt;
  bool isRight = side == KeySide::Right;
  OpOperand *keys = factors[isRight ? 1 : 0],
            *queries = factors[isRight ? 0 : 1];
  int64_t axis = *op.getMatchingIndexingMap(keys).getResultPosition(loop);
  int64_t size = cast<RankedTensorType>(keys->get().getType()).getDimSize(axis);
  if (ShapedType::isDynamic(size))
    return std::nullopt;
  return ScoreProduct{op, keys, queries, axis, size};
}

static SmallVector<ScoreProduct> findProducts(ModuleOp module, KeySide side) {
  SmallVector<ScoreProduct> products;
  module.walk([&](Operation *op) {
    if (std::optional<ScoreProduct> product = matchProduct(op, side))
      products.push_back(*product);
  });
  return products;
}

/// The nearest layers that a value is computed from.
static SmallVector<WeightedSum, 1> findLayers(Value value) {
  SmallVector<WeightedSum, 1> layers;
  SmallVector<Value> pending = {value};
  llvm::SmallPtrSet<Operation *, 16> seen;
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val().getDefiningOp();
    if (!op || !seen.insert(op).second)
      continue;
    if (std::optional<WeightedSum> sum = WeightedSum::match(op))
      layers.push_back(std::move(*sum));
    else
      llvm::append_range(pending, op->getOperands());
  }
  return layers;
}

namespace {
/// Sorts the keys of one product after the other.
class KeySorter {
public:
  struct Options {
    StringRef what;
    KeySide side;
    KeyNorms by;
    /// Null without statistics.
    const ChannelData *data;
  };

  KeySorter(ChannelRewriter &rewriter, const Options &options,
            RowErrors &errors)
      : rewriter(rewriter), options(options), errors(errors) {}

  LogicalResult sort(const ScoreProduct &product) {
    ChannelPairs pairs;
    std::string reason;
    if (!findPairs(product, pairs, reason))
      return skip(product, reason);
    SmallVector<WeightedSum, 1> layers = findLayers(product.keys->get());
    if (layers.size() != 1)
      return skip(product, "they are computed by " + Twine(layers.size()) +
                               " layers with constant weights, not by one");
    WeightedSum &layer = layers.front();
    // Its channels are not those of keys alone.
    for (const WeightedSum &other : findLayers(product.queries->get()))
      if (other.op == layer.op)
        return skip(product, "one layer computes both factors");
    SmallVector<int64_t> axes, shape;
    if (!findChannels(layer, axes, shape) ||
        ShapedType::getNumElements(shape) % product.size != 0)
      return skip(product, "their layer's channels are not whole heads");
    std::optional<Freedom> freedom =
        findFreedom(product, layer, axes, shape, pairs, reason);
    if (!freedom)
      return skip(product, reason);
    FailureOr<std::vector<int64_t>> order = findOrder(product, layer, *freedom);
    if (failed(order))
      return failure();
    ChannelMap map = ChannelMap::permute(axes, shape, std::move(*order));
    if (!map.isIdentity())
      rewriter.rewrite(getResult(layer), map, {}, options.what);
    return success();
  }

private:
  static Value getResult(const WeightedSum &layer) {
    return layer.op->getResult(0);
  }

  LogicalResult skip(const ScoreProduct &product, const Twine &reason) {
    product.op->emitRemark()
        << options.what << ": the channels summed over stay: " << reason;
    return success();
  }

  /// The least that has to move together, asked of the product alone: whether
  /// it sums over channels at all.
  bool findPairs(const ScoreProduct &product, ChannelPairs &pairs,
                 std::string &reason) {
    std::string first;
    for (ChannelPairs some :
         {ChannelPairs::None, ChannelPairs::Halves, ChannelPairs::Neighbours}) {
      if (some != ChannelPairs::None && product.size % 2 != 0)
        break;
      pairs = some;
      ChannelMap probe = ChannelMap::permute(
          product.axis, product.size,
          getProbeOrder(product.size, product.size, some, /*tied=*/true));
      if (rewriter.getCost(product.keys->get(), probe,
                           static_cast<Operation *>(product.op), &reason))
        return true;
      if (first.empty())
        first = reason;
    }
    reason = first;
    return false;
  }

  /// The dimensions of the layer's result that number its outputs.
  static bool findChannels(const WeightedSum &layer, SmallVector<int64_t> &axes,
                           SmallVector<int64_t> &shape) {
    for (WeightedSum::Channel channel : layer.channels) {
      axes.push_back(channel.resultDim);
      shape.push_back(layer.values.getShape()[channel.weightDim]);
    }
    return llvm::is_sorted(axes) && WeightMatrices::get(layer).groups == 1;
  }

  std::optional<Freedom> findFreedom(const ScoreProduct &product,
                                     const WeightedSum &layer,
                                     ArrayRef<int64_t> axes,
                                     ArrayRef<int64_t> shape,
                                     ChannelPairs pairs, std::string &reason) {
    for (bool tied : {false, true}) {
      ChannelMap probe =
          ChannelMap::permute(axes, shape,
                              getProbeOrder(ShapedType::getNumElements(shape),
                                            product.size, pairs, tied));
      if (rewriter.getCost(getResult(layer), probe, {}, &reason))
        return Freedom{pairs, tied};
    }
    return std::nullopt;
  }

  FailureOr<std::vector<int64_t>> findOrder(const ScoreProduct &product,
                                            const WeightedSum &layer,
                                            Freedom freedom) {
    std::vector<double> norms = getKeyWeightNorms(layer);
    // Without data the norms stand for a key.
    std::vector<double> rows = norms;
    if (options.data) {
      FailureOr<std::vector<double>> keys =
          getKeyRows(rewriter, *options.data, layer);
      if (failed(keys))
        return failure();
      rows = std::move(*keys);
      if (options.by == KeyNorms::Data)
        norms = getColumnSizes(rows, norms.size());
    }
    if (freedom.tied)
      norms = tieRuns(norms, product.size);
    std::vector<int64_t> order =
        getDescendingOrder(norms, product.size, freedom.pairs);
    return keepBetter(product, rows, order,
                      freedom.tied ? norms.size() : product.size);
  }

  /// Heads, or all together, where `order` does not help keep theirs.
  FailureOr<std::vector<int64_t>> keepBetter(const ScoreProduct &product,
                                             ArrayRef<double> rows,
                                             std::vector<int64_t> order,
                                             int64_t unit) {
    int64_t channels = order.size();
    std::vector<double> sorted = permuteColumns(rows, order);
    double before = 0, after = 0;
    for (int64_t first = 0; first < channels; first += unit) {
      double was = 0, is = 0;
      for (int64_t head = first; head < first + unit; head += product.size) {
        FailureOr<double> old = errors.get(
            product.op, getColumns(rows, channels, head, product.size),
            product.size);
        FailureOr<double> better = errors.get(
            product.op, getColumns(sorted, channels, head, product.size),
            product.size);
        if (failed(old) || failed(better))
          return failure();
        was += *old;
        is += *better;
      }
      before += was;
      // Sums in another order differ by what they are rounded.
      if (!(is < was * (1 - 1e-9))) {
        std::iota(order.begin() + first, order.begin() + first + unit, first);
        is = was;
      }
      after += is;
    }
    if (after < before)
      product.op->emitRemark()
          << options.what << ": sorting changes the squared rounding errors of "
          << "keys by a factor of " << after / before;
    else
      product.op->emitRemark()
          << options.what << ": the channels summed over stay: sorted ones "
          << "would be rounded no better";
    return order;
  }

  ChannelRewriter &rewriter;
  const Options &options;
  RowErrors &errors;
};

struct SortKeysPass : ProposerPass<qfmt::impl::SortKeysBase<SortKeysPass>> {
  using ProposerPass::ProposerPass;

  /// Everything that compiling needs: no dialect can be loaded later on.
  void getDependentDialects(DialectRegistry &registry) const override {
    registerPipelineDialects(registry);
  }

  LogicalResult propose(ChannelRewriter &rewriter) override {
    auto emit = [&] { return emitPassError(); };
    FailureOr<RowErrors> errors =
        RowErrors::create(format, block, bits, &getContext(), emit);
    if (failed(verifyOptions()) || failed(errors) ||
        failed(requireLayers(rewriter, [&] { return emitPassError(); })))
      return failure();
    FailureOr<std::optional<ChannelData>> found =
        ChannelData::readIfGiven(getOperation(), moments, emit);
    if (failed(found))
      return failure();
    const ChannelData *data = *found ? &**found : nullptr;
    KeySorter::Options options = {getWhat(), side, by, data};
    KeySorter sorter(rewriter, options, *errors);
    // A permutation leaves as many products as there were, in the same order.
    for (size_t i = 0;; ++i) {
      SmallVector<ScoreProduct> products = findProducts(getOperation(), side);
      if (products.empty())
        emitRemark(getOperation().getLoc())
            << getWhat() << ": no product of two computed tensors is summed";
      if (i >= products.size())
        return success();
      if (failed(sorter.sort(products[i])))
        return failure();
    }
  }

private:
  LogicalResult verifyOptions() {
    if (block == 0)
      return emitPassError() << "option 'block' is 0: give the number of "
                                "channels that share a scale";
    if (!moments.empty())
      return success();
    if (by == KeyNorms::Data || !format.empty())
      return emitPassError()
             << (by == KeyNorms::Data ? "option 'by' is data"
                                      : "option 'format' measures data")
             << ", of which 'moments' is missing: give the .npz file that "
                "qfmt-annotate{moments=FILE} writes";
    return success();
  }
};
} // namespace
