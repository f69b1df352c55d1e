//===- FoldBatchNorm.cpp - Per-channel affine operations into weights -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real, `y = sum(x * w) + init` with constant w and init, read
//         by one element-wise operation a[c] * y + b[c], itself perhaps read
//         by another such, and so on (batch normalization, bias).
// Output: `sum(x * (a[c] * w)) + (a[c] * init + b[c])`; the chain is gone.
//         The coefficients of the whole chain are computed in double and each
//         new constant is rounded once to f32.
// Not done: chains behind a reshape or transpose; coefficients that vary along
//         a dimension the weights do not have; results that are not finite.
//
//===----------------------------------------------------------------------===//

#include "AffineBody.h"
#include "LinalgUses.h"
#include "WeightedSum.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/Statistic.h"
#include <cmath>

namespace mlir::qfmt {
#define GEN_PASS_DEF_FOLDBATCHNORM
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-fold-batch-norm"
ALWAYS_ENABLED_STATISTIC(numFolded, "Operations folded");

namespace {

//===----------------------------------------------------------------------===//
// Channels
//===----------------------------------------------------------------------===//

/// The dimensions of a result along which weights differ, and what is constant
/// along all others.
class ChannelSpace {
public:
  /// None if a dimension of the result indexes the weights twice.
  static std::optional<ChannelSpace> of(const WeightedSum &sum);

  ArrayRef<int64_t> getResultDims() const { return resultDims; }
  ArrayRef<int64_t> getShape() const { return shape; }
  size_t size() const { return ShapedType::getNumElements(shape); }

  /// `tensor`, indexed by dimensions of the result through `map`, as one number
  /// a channel; none if it varies along another dimension or has no numbers.
  std::optional<Coefficients> read(const ConstantTensor &tensor,
                                   AffineMap map) const;
  /// The channel of each dimension of the weights, -1 for dimensions summed
  /// over.
  ArrayRef<int64_t> getWeightChannels() const { return weightChannels; }

private:
  /// The position in `resultDims`, -1 if it is none of them.
  int64_t getPosition(unsigned resultDim) const {
    const auto *found = llvm::find(resultDims, resultDim);
    return found == resultDims.end() ? -1 : found - resultDims.begin();
  }

  SmallVector<int64_t> resultDims; // Ascending.
  SmallVector<int64_t> shape;
  SmallVector<int64_t> weightChannels;
};

/// Row-major position of a channel, given for each dimension of `index` by
/// `channels` (-1: not a channel).
int64_t getChannel(ArrayRef<int64_t> index, ArrayRef<int64_t> channels,
                   ArrayRef<int64_t> shape) {
  SmallVector<int64_t> position(shape.size(), 0);
  for (auto [entry, channel] : llvm::zip_equal(index, channels))
    if (channel >= 0)
      position[channel] = entry;
  int64_t result = 0;
  for (auto [entry, size] : llvm::zip_equal(position, shape))
    result = result * size + entry;
  return result;
}

std::optional<ChannelSpace> ChannelSpace::of(const WeightedSum &sum) {
  ChannelSpace space;
  for (WeightedSum::Channel channel : sum.channels)
    space.resultDims.push_back(channel.resultDim);
  llvm::sort(space.resultDims);
  if (llvm::unique(space.resultDims) != space.resultDims.end())
    return std::nullopt;
  auto type = cast<RankedTensorType>(sum.op->getResult(0).getType());
  if (!type.hasStaticShape())
    return std::nullopt;
  for (int64_t dim : space.resultDims)
    space.shape.push_back(type.getDimSize(dim));
  space.weightChannels.assign(sum.values.getRank(), -1);
  for (WeightedSum::Channel channel : sum.channels)
    space.weightChannels[channel.weightDim] =
        space.getPosition(channel.resultDim);
  return space;
}

std::optional<Coefficients> ChannelSpace::read(const ConstantTensor &tensor,
                                               AffineMap map) const {
  if (tensor.getNumElements() == 0)
    return std::nullopt;
  // First along the channels that index the tensor, then repeated along the
  // others.
  SmallVector<int64_t> channels(tensor.getRank(), -1);
  SmallVector<int64_t> ownShape(shape.size(), 1);
  for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
    if (auto loop = dyn_cast<AffineDimExpr>(expr))
      channels[dim] = getPosition(loop.getPosition());
    else if (!isa<AffineConstantExpr>(expr) || tensor.getShape()[dim] != 1)
      return std::nullopt;
    if (channels[dim] >= 0)
      ownShape[channels[dim]] = tensor.getShape()[dim];
  }
  std::vector<std::optional<double>> own(ShapedType::getNumElements(ownShape));
  bool uniform = true;
  forEachIndex(tensor.getShape(), [&](ArrayRef<int64_t> index) {
    std::optional<double> &entry = own[getChannel(index, channels, ownShape)];
    double value = tensor.at(index);
    uniform &= !entry || *entry == value;
    entry = value;
  });
  if (!uniform)
    return std::nullopt;

  Coefficients result;
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    int64_t position = 0;
    for (auto [entry, size] : llvm::zip_equal(index, ownShape))
      position = position * size + (size == 1 ? 0 : entry);
    result.push_back(*own[position]);
  });
  return result;
}

//===----------------------------------------------------------------------===//
// Folding
//===----------------------------------------------------------------------===//

/// The element-wise operations after a weighted sum that are affine in its
/// result, first to last, and all of them as one function.
struct Chain {
  SmallVector<linalg::LinalgOp> ops;
  Affine affine;
};

/// None if the body is not affine in x with constants a channel.
std::optional<Affine> evaluateBody(linalg::LinalgOp op, Value x,
                                   const ChannelSpace &space) {
  for (OpOperand &operand : op->getOpOperands())
    if (operand.get() == x && !op.getMatchingIndexingMap(&operand).isIdentity())
      return std::nullopt;
  return evaluateAffineBody(
      op, space.size(), [&](OpOperand &operand) { return operand.get() == x; },
      [&](OpOperand &operand) -> std::optional<Coefficients> {
        std::optional<ConstantTensor> tensor =
            ConstantTensor::read(operand.get());
        if (!tensor)
          return std::nullopt;
        return space.read(*tensor, op.getMatchingIndexingMap(&operand));
      });
}

Chain matchChain(const WeightedSum &sum, const ChannelSpace &space) {
  Chain chain{{}, Affine::identity(space.size())};
  Value x = sum.op->getResult(0);
  while (auto op = dyn_cast_or_null<linalg::LinalgOp>(getOnlyReader(x))) {
    if (!isElementwise(op) || op->getResult(0).getType() != x.getType())
      break;
    std::optional<Affine> next = evaluateBody(op, x, space);
    if (!next || !next->dependsOnX)
      break;
    Affine composed = Affine::compose(*next, chain.affine);
    if (!composed.isFinite())
      break;
    chain.affine = std::move(composed);
    chain.ops.push_back(op);
    x = op->getResult(0);
  }
  return chain;
}

/// Rounds to f32; none if a value overflows.
std::optional<std::vector<double>> roundAll(std::vector<double> values) {
  for (double &value : values) {
    value = static_cast<float>(value);
    if (!std::isfinite(value))
      return std::nullopt;
  }
  return values;
}

class Folder {
public:
  Folder(RewriterBase &rewriter, WeightedSum &sum, const ChannelSpace &space)
      : rewriter(rewriter), sum(sum), space(space),
        init(sum.op.getDpsInitOperand(0)->get()) {}

  /// The number of operations folded.
  unsigned fold() {
    Chain chain = matchChain(sum, space);
    if (chain.ops.empty())
      return 0;
    auto weights = computeWeights(chain.affine);
    auto offsets = computeInit(chain.affine);
    if (!weights || !offsets)
      return 0;
    rewriter.setInsertionPoint(sum.op);
    IRMapping mapping;
    mapping.map(sum.weights->get(), materializeWeights(*weights));
    mapping.map(init, materializeInit(*offsets));
    Operation *folded = rewriter.clone(*sum.op, mapping);
    // Of the earlier results nothing is left but shapes taken through `outs`.
    rewriter.replaceAllUsesWith(sum.op->getResult(0), folded->getResult(0));
    for (linalg::LinalgOp op : chain.ops)
      rewriter.replaceAllUsesWith(op->getResult(0), folded->getResult(0));
    for (linalg::LinalgOp op : llvm::reverse(chain.ops))
      rewriter.eraseOp(op);
    return chain.ops.size();
  }

private:
  std::optional<std::vector<double>>
  computeWeights(const Affine &affine) const {
    std::vector<double> scaled;
    scaled.reserve(sum.values.getNumElements());
    forEachIndex(sum.values.getShape(), [&](ArrayRef<int64_t> index) {
      int64_t channel =
          getChannel(index, space.getWeightChannels(), space.getShape());
      scaled.push_back(affine.factor[channel] * sum.values.at(index));
    });
    return roundAll(std::move(scaled));
  }

  std::optional<std::vector<double>> computeInit(const Affine &affine) const {
    std::optional<ConstantTensor> constant = ConstantTensor::read(init);
    if (!constant)
      return std::nullopt;
    std::optional<Coefficients> old = space.read(
        *constant, rewriter.getMultiDimIdentityMap(constant->getRank()));
    if (!old)
      return std::nullopt;
    std::vector<double> offsets;
    for (auto [value, factor, offset] :
         llvm::zip_equal(*old, affine.factor, affine.offset))
      offsets.push_back(factor * value + offset);
    return roundAll(std::move(offsets));
  }

  std::string getName(StringRef suffix) const {
    StringRef name = sum.values.getName();
    return (Twine(name.empty() ? "folded" : name) + suffix).str();
  }

  Value createConstant(Type type, ArrayRef<double> values, StringRef name) {
    ElementsAttr elements =
        makeFloats(cast<RankedTensorType>(type), values, name);
    return arith::ConstantOp::create(rewriter, sum.op.getLoc(), elements);
  }

  Value materializeWeights(ArrayRef<double> weights) {
    if (weights == ArrayRef<double>(sum.values.getElements()))
      return sum.weights->get();
    return createConstant(sum.weights->get().getType(), weights,
                          getName(".folded"));
  }

  Value materializeInit(ArrayRef<double> offsets) {
    Location loc = sum.op.getLoc();
    auto type = cast<RankedTensorType>(init.getType());
    Value constant = createConstant(
        RankedTensorType::get(space.getShape(), type.getElementType()), offsets,
        getName(".init"));
    SmallVector<int64_t> repeated;
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (!llvm::is_contained(space.getResultDims(), dim))
        repeated.push_back(dim);
    if (repeated.empty())
      return constant;
    Value empty = tensor::EmptyOp::create(rewriter, loc, type.getShape(),
                                          type.getElementType());
    return linalg::BroadcastOp::create(rewriter, loc, constant, empty, repeated)
        ->getResult(0);
  }

  RewriterBase &rewriter;
  WeightedSum &sum;
  const ChannelSpace &space;
  Value init;
};

struct FoldBatchNormPass : qfmt::impl::FoldBatchNormBase<FoldBatchNormPass> {
  using Base::Base;

  void runOnOperation() override {
    // Folding erases only operations without a reduction.
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (op.getNumReductionLoops() != 0)
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : ops) {
      std::optional<WeightedSum> sum = WeightedSum::match(op);
      if (!sum)
        continue;
      if (std::optional<ChannelSpace> space = ChannelSpace::of(*sum))
        numFolded += Folder(rewriter, *sum, *space).fold();
    }
    (void)runRegionDCE(rewriter, getOperation()->getRegions());
  }
};
} // namespace
