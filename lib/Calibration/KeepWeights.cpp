// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level observed or assigned.
// Output: the same; each layer has its name, and its real weights as an
//         attribute, which qfmt-quantize and qfmt-round-weights leave in place.

#include "../Transforms/Layers.h"
#include "../Transforms/WeightedSum.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/Calibration/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/LayerAttributes.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_KEEPWEIGHTS
#include "qfmt/Calibration/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

/// The constant that the weights are, or a new one of what they are behind
/// moves.
static Attribute getConstant(const Layer &layer) {
  Value weights = layer.weights->get();
  if (auto constant = weights.getDefiningOp<arith::ConstantOp>())
    return constant.getValue();
  std::optional<WeightedSum> sum = WeightedSum::match(layer.op);
  return makeFloats(cast<RankedTensorType>(weights.getType()),
                    sum->values.getElements(), layer.name + ".real");
}

namespace {
struct KeepWeightsPass : qfmt::impl::KeepWeightsBase<KeepWeightsPass> {
  void runOnOperation() override {
    FailureOr<SmallVector<Layer>> layers = collectLayers(getOperation());
    if (failed(layers))
      return signalPassFailure();
    for (const Layer &layer : *layers) {
      layer.op->setAttr(kLayerAttr, StringAttr::get(&getContext(), layer.name));
      layer.op->setAttr(kRealWeightsAttr, getConstant(layer));
    }
  }
};
} // namespace
