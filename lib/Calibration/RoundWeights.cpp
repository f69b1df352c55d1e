// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level encoded, where the weights of layers are `quantize` of
//         constants, and second moments of what the layers read.
// Output: `assemble` of codes that change the layers' results less than those
//         of `quantize` would.
//
// What the kinds of encodings may become is RoundLevels.cpp's and
// RoundVectors.cpp's.

#include "../Transforms/Assign/MomentLookup.h"
#include "WeightRounder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qfmt/Calibration/Passes.h"
#include "qfmt/IR/LayerAttributes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include <cmath>

namespace mlir::qfmt {
#define GEN_PASS_DEF_ROUNDWEIGHTS
#include "qfmt/Calibration/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

namespace {
/// Rounds the weights of one layer after the other.
class LayerRounder {
public:
  LayerRounder(const RoundingSettings &settings, const MomentTable &table)
      : settings(settings), table(table) {}

  LogicalResult rewrite(linalg::LinalgOp op) {
    std::optional<WeightedSum> layer = WeightedSum::matchQuantized(op);
    if (!layer)
      return success();
    auto quantize = layer->weights->get().getDefiningOp<QuantizeOp>();
    auto name = op->getAttrOfType<StringAttr>(kLayerAttr);
    // qfmt-correct-biases is yet to find the layer.
    if (!op->hasAttr(kRealWeightsAttr))
      op->removeAttr(kLayerAttr);
    StringRef obstacle = findObstacle(name, *layer, quantize);
    if (!obstacle.empty())
      return keepNearest(op, obstacle);
    FailureOr<ArrayRef<double>> moments = findMoments(
        table, settings.file, name, op, WeightMatrices::get(*layer));
    const CompiledFunction *function = compiler.get(quantize);
    if (failed(moments) || !function)
      return failure();
    if (!isAdditive(quantize)) {
      QuantizedWeights weights(*layer, quantize, *function);
      return finish(
          *layer, quantize, weights,
          roundLevels(op, quantize, weights, *moments, compiler, settings));
    }
    std::optional<AdditiveWeights> weights =
        AdditiveWeights::get(*layer, quantize, *function);
    if (!weights)
      return keepNearest(op, "their scales or tables are not finite");
    return finish(*layer, quantize, *weights,
                  roundVectors(op, *weights, *moments, settings));
  }

private:
  static TensorFormat getFormat(QuantizeOp quantize) {
    return EncodedTensorType::get(quantize.getResult().getType()).getFormat();
  }
  static bool isAdditive(QuantizeOp quantize) {
    return isa<AdditiveAttr>(Attribute(getFormat(quantize)));
  }

  static StringRef findObstacle(StringAttr name, const WeightedSum &layer,
                                QuantizeOp quantize) {
    if (!name)
      return "the layer has no name";
    if (isAdditive(quantize))
      return AdditiveWeights::getObstacle(layer, quantize);
    if (!quantize.getGiven().empty())
      return "their scales are given";
    if (quantize.getStochasticSeed())
      return "they are to be rounded at random";
    return QuantizedWeights::getObstacle(getFormat(quantize));
  }

  static LogicalResult keepNearest(linalg::LinalgOp op, StringRef obstacle) {
    op.emitRemark() << "weights are rounded to nearest: " << obstacle;
    return success();
  }

  /// The layer reads the codes that its weights have now.
  LogicalResult finish(const WeightedSum &layer, QuantizeOp quantize,
                       LayerWeights &weights,
                       FailureOr<RoundingLosses> losses) {
    if (failed(losses))
      return failure();
    OpBuilder builder(quantize);
    layer.weights->set(weights.takeCodes().create(quantize, builder));
    report(layer.op, *losses);
    Operation *input = quantize.getInput().getDefiningOp();
    if (quantize->use_empty())
      quantize.erase();
    if (isOpTriviallyDead(input))
      input->erase();
    return success();
  }

  void report(linalg::LinalgOp op, const RoundingLosses &losses) {
    InFlightDiagnostic remark = op.emitRemark();
    remark << "weights are rounded with a loss of " << losses.gptq
           << " by gptq";
    if (settings.method == WeightRoundingMethod::Learned)
      remark << " and of " << losses.learned << " learned";
    remark << ", of " << losses.nearest << " to nearest";
  }

  const RoundingSettings &settings;
  const MomentTable &table;
  QuantizeCompiler compiler;
};

struct RoundWeightsPass : qfmt::impl::RoundWeightsBase<RoundWeightsPass> {
  using Base::Base;

  /// Everything that compiling needs: no dialect can be loaded later on.
  void getDependentDialects(DialectRegistry &registry) const override {
    registerPipelineDialects(registry);
  }

  LogicalResult verifyOptions() {
    auto emit = [&] {
      return emitError(getOperation().getLoc()) << "qfmt-round-weights: ";
    };
    if (moments.empty())
      return emit() << "option 'moments' is missing: give the .npz file that "
                       "qfmt-annotate{moments=FILE} writes";
    if (beam == 0)
      return emit() << "option 'beam' is 0: give a number that is at least 1";
    if (!(damping >= 0) || !std::isfinite(damping))
      return emit() << "option 'damping' is " << damping
                    << ": give a number that is at least 0";
    return success();
  }

  void runOnOperation() override {
    if (failed(verifyOptions()))
      return signalPassFailure();
    llvm::Expected<MomentTable> table = readMoments(moments);
    if (!table) {
      emitError(getOperation().getLoc())
          << "qfmt-round-weights: " << llvm::toString(table.takeError());
      return signalPassFailure();
    }
    RoundingSettings settings = {method, moments, damping, sweeps, beam};
    LayerRounder rounder(settings, *table);
    WalkResult result = getOperation().walk(
        [&](linalg::LinalgOp op) { return WalkResult(rounder.rewrite(op)); });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
