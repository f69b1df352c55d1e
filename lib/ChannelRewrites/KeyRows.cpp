// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KeyRows.h"
#include "../Transforms/LinalgUses.h"
#include "ChannelOrder.h"
#include "ChannelRows.h"
#include "OutputLoss.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/IR/QFmt.h"

using namespace mlir;
using namespace mlir::qfmt;

/// [outputs][depth].
static std::vector<double> getMatrix(const WeightedSum &layer) {
  return WeightMatrices::get(layer).arrange(layer.values.getShape(),
                                            layer.values.getElements());
}

std::vector<double> mlir::qfmt::getKeyWeightNorms(const WeightedSum &layer) {
  return getRowNorms(getMatrix(layer), WeightMatrices::get(layer).depth);
}

/// Adds a constant that is indexed through `indexing` where the result's
/// dimensions are, if the outputs alone index it.
static bool addConstant(const WeightedSum &layer, Value constant,
                        AffineMap indexing, std::vector<double> &bias) {
  std::optional<ConstantTensor> values = ConstantTensor::read(constant);
  if (!values)
    return false;
  SmallVector<int64_t> shape;
  for (WeightedSum::Channel channel : layer.channels)
    shape.push_back(layer.values.getShape()[channel.weightDim]);
  SmallVector<int64_t> outputs = llvm::map_to_vector(
      layer.channels, [](WeightedSum::Channel channel) -> int64_t {
        return channel.resultDim;
      });
  // Which output indexes each dimension of the constant; -1 for none.
  SmallVector<int64_t> places;
  for (auto [dim, expr] : llvm::enumerate(indexing.getResults())) {
    auto loop = dyn_cast<AffineDimExpr>(expr);
    const int64_t *found =
        loop ? llvm::find(outputs, loop.getPosition()) : outputs.end();
    places.push_back(found == outputs.end() ? -1 : found - outputs.begin());
    if (places.back() < 0 && values->getShape()[dim] != 1)
      return false;
  }
  size_t number = 0;
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> at;
    for (int64_t place : places)
      at.push_back(place < 0 ? 0 : index[place]);
    bias[number++] += values->at(at);
  });
  return true;
}

/// The operation that adds something to `value` and does nothing else; null if
/// its reader is none.
static linalg::LinalgOp getAddition(Value value) {
  auto op = dyn_cast_or_null<linalg::LinalgOp>(getOnlyReader(value));
  if (!op || !isElementwise(op) || op.getNumDpsInputs() != 2)
    return nullptr;
  Block *body = op.getBlock();
  auto sum =
      body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  bool adds = sum && sum.getLhs() != sum.getRhs() &&
              llvm::all_of(sum->getOperands(), [&](Value term) {
                auto argument = dyn_cast<BlockArgument>(term);
                return argument && argument.getOwner() == body &&
                       argument.getArgNumber() < 2;
              });
  return adds ? op : nullptr;
}

static std::vector<double> getBias(const WeightedSum &layer) {
  linalg::LinalgOp op = layer.op;
  std::vector<double> bias(WeightMatrices::get(layer).outputs, 0.0);
  OpOperand *init = op.getDpsInitOperand(0);
  addConstant(layer, init->get(), op.getMatchingIndexingMap(init), bias);
  Value value = op->getResult(0);
  while (true) {
    auto observe = dyn_cast_or_null<ObserveOp>(getOnlyReader(value));
    if (observe) {
      value = observe.getResult();
      continue;
    }
    linalg::LinalgOp addition = getAddition(value);
    if (!addition)
      return bias;
    OpOperand *left = addition.getDpsInputOperand(0);
    OpOperand *right = addition.getDpsInputOperand(1);
    OpOperand *own = left->get() == value ? left : right;
    OpOperand *other = own == left ? right : left;
    if (!addition.getMatchingIndexingMap(own).isIdentity() ||
        !addConstant(layer, other->get(),
                     addition.getMatchingIndexingMap(other), bias))
      return bias;
    value = addition->getResult(0);
  }
}

FailureOr<std::vector<double>>
mlir::qfmt::getKeyRows(ChannelRewriter &rewriter, const ChannelData &data,
                       const WeightedSum &layer) {
  auto inputs = rewriter.collectSharedInputs();
  if (failed(inputs))
    return failure();
  for (const SharedInput &input : *inputs) {
    Operation *op = layer.op;
    if (!llvm::is_contained(input.getReaders(), op))
      continue;
    FailureOr<InputData> seen = data.get(input);
    if (failed(seen))
      return failure();
    for (const ReaderData &reader : seen->readers) {
      if (reader.sum.op != layer.op || reader.statistics->numRows == 0)
        continue;
      ArrayRef<float> recorded = reader.statistics->rows;
      std::vector<double> rows(recorded.begin(), recorded.end());
      std::vector<double> keys =
          multiplyRows(rows, getMatrix(layer), reader.matrices.depth);
      std::vector<double> bias = getBias(layer);
      for (auto [i, key] : llvm::enumerate(keys))
        key += bias[i % bias.size()];
      return keys;
    }
  }
  return layer.op->emitOpError()
         << "computes keys, and of its data no rows were recorded; "
            "qfmt-annotate does so unless its option 'rows' is 0";
}
