// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level encoded, where the weights of layers are `quantize` of
//         constants.
// Output: the same, with a seed on each such `quantize`. qfmt-encode-constants
//         computes the codes.

#include "../Transforms/WeightedSum.h"
#include "qfmt/Calibration/Passes.h"
#include "qfmt/IR/LayerAttributes.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Support/SplitMix64.h"
#include "llvm/Support/xxhash.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_ROUNDWEIGHTSATRANDOM
#include "qfmt/Calibration/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

/// Of each layer another, the same on all machines.
static int64_t getSeed(uint64_t seed, StringRef layer) {
  return static_cast<int64_t>(
      SplitMix64(seed ^ llvm::xxh3_64bits(layer)).next());
}

/// Why the operation cannot round at random; empty if it does so now.
static std::string setSeed(QuantizeOp quantize, int64_t seed) {
  std::string reason;
  RoundingMode rounding = quantize.getRounding();
  ScopedDiagnosticHandler handler(
      quantize.getContext(), [&](Diagnostic &found) { reason = found.str(); });
  quantize.setStochasticSeed(seed);
  quantize.setRounding(RoundingMode::HalfEven);
  if (succeeded(quantize.verify()))
    return {};
  quantize.removeStochasticSeedAttr();
  quantize.setRounding(rounding);
  return reason;
}

namespace {
struct RoundWeightsAtRandomPass
    : qfmt::impl::RoundWeightsAtRandomBase<RoundWeightsAtRandomPass> {
  using Base::Base;

  void runOnOperation() override {
    getOperation().walk([&](linalg::LinalgOp op) { rewrite(op); });
  }

  void rewrite(linalg::LinalgOp op) {
    std::optional<WeightedSum> layer = WeightedSum::matchQuantized(op);
    if (!layer)
      return;
    auto quantize = layer->weights->get().getDefiningOp<QuantizeOp>();
    auto name = op->getAttrOfType<StringAttr>(kLayerAttr);
    // qfmt-correct-biases is yet to find the layer.
    if (!op->hasAttr(kRealWeightsAttr))
      op->removeAttr(kLayerAttr);
    if (quantize.getStochasticSeed())
      return;
    std::string reason =
        name ? setSeed(quantize, getSeed(seed, name)) : "the layer has no name";
    if (!reason.empty())
      op.emitRemark() << "weights are rounded to nearest: " << reason;
  }
};
} // namespace
