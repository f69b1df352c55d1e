// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level encoded, where the weights of layers are `quantize` of
//         constants, and second moments of what the layers read.
// Output: `assemble` of codes that change the layers' results less than those
//         of `quantize` would.
//
// Scales and zero points are those of `quantize`, but for groups of columns
// where GPTQ's are better. Weights in formats whose elements are not rounded
// one by one stay.

#include "../Transforms/Assign/MomentLookup.h"
#include "QuantizedWeights.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/Calibration/Passes.h"
#include "qfmt/IR/LayerAttributes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include <cmath>
#include <numeric>

namespace mlir::qfmt {
#define GEN_PASS_DEF_ROUNDWEIGHTS
#include "qfmt/Calibration/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

static double sum(ArrayRef<double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

/// Rows of `to` become those of `from` where these lose less. Returns their
/// numbers.
static SmallVector<int64_t> takeBetter(int64_t depth, const Levels &from,
                                       ArrayRef<double> fromLosses, Levels &to,
                                       MutableArrayRef<double> toLosses) {
  SmallVector<int64_t> taken;
  for (size_t row = 0; row < toLosses.size(); ++row) {
    if (!(fromLosses[row] < toLosses[row]))
      continue;
    std::copy_n(from.begin() + row * depth, depth, to.begin() + row * depth);
    toLosses[row] = fromLosses[row];
    taken.push_back(row);
  }
  return taken;
}

namespace {
/// What the three ways of rounding lose.
struct Losses {
  double nearest = 0, gptq = 0, learned = 0;
};

/// What the options say.
struct Settings {
  WeightRoundingMethod method;
  /// The file with the moments.
  StringRef file;
  double damping;
  unsigned sweeps;
};

/// Rounds the weights of one layer after the other.
class LayerRounder {
public:
  LayerRounder(const Settings &settings, const MomentTable &table)
      : settings(settings), table(table) {}

  LogicalResult rewrite(linalg::LinalgOp op) {
    std::optional<WeightedSum> layer = WeightedSum::matchQuantized(op);
    if (!layer)
      return success();
    auto quantize = layer->weights->get().getDefiningOp<QuantizeOp>();
    auto name = op->getAttrOfType<StringAttr>(kLayerAttr);
    op->removeAttr(kLayerAttr);
    StringRef obstacle = findObstacle(name, quantize);
    if (!obstacle.empty()) {
      op.emitRemark() << "weights are rounded to nearest: " << obstacle;
      return success();
    }
    FailureOr<ArrayRef<double>> moments = findMoments(
        table, settings.file, name, op, WeightMatrices::get(*layer));
    const CompiledFunction *function = compiler.get(quantize);
    if (failed(moments) || !function)
      return failure();
    QuantizedWeights weights(*layer, quantize, *function);
    FailureOr<Losses> losses = round(op, weights, *moments);
    if (failed(losses))
      return failure();
    OpBuilder builder(quantize);
    layer->weights->set(weights.takeCodes().create(quantize, builder));
    if (quantize->use_empty())
      quantize.erase();
    report(op, *losses);
    return success();
  }

private:
  static StringRef findObstacle(StringAttr name, QuantizeOp quantize) {
    if (!name)
      return "the layer has no name";
    if (!quantize.getGiven().empty())
      return "their scales are given";
    if (quantize.getStochasticSeed())
      return "they are to be rounded at random";
    return QuantizedWeights::getObstacle(
        EncodedTensorType::get(quantize.getResult().getType()).getFormat());
  }

  FailureOr<Losses> round(linalg::LinalgOp op, QuantizedWeights &weights,
                          ArrayRef<double> moments) {
    const WeightMatrices &matrices = weights.getMatrices();
    int64_t size = matrices.depth * matrices.depth;
    Losses losses;
    for (int64_t group = 0; group < matrices.groups; ++group) {
      RoundingProblem problem = {matrices.outputs, matrices.depth,
                                 weights.getWeights(group),
                                 moments.slice(group * size, size)};
      Levels levels = weights.getNearest(group);
      std::vector<double> rows =
          getRowLosses(problem, weights.makeGrid(group), levels);
      losses.nearest += sum(rows);
      if (failed(improveByGptq(op, weights, group, problem, levels, rows)))
        return failure();
      losses.gptq += sum(rows);
      if (settings.method == WeightRoundingMethod::Learned) {
        LevelGrid grid = weights.makeGrid(group);
        improveByCoordinateDescent(problem, grid, levels, settings.sweeps);
        losses.learned += sum(getRowLosses(problem, grid, levels));
      }
      weights.setLevels(group, levels);
    }
    return losses;
  }

  /// Rows that lose less by GPTQ, with the scales that there are or with new
  /// ones for each set of columns.
  LogicalResult improveByGptq(linalg::LinalgOp op, QuantizedWeights &weights,
                              int64_t group, const RoundingProblem &problem,
                              Levels &levels, MutableArrayRef<double> losses) {
    LevelGrid grid = weights.makeGrid(group);
    GptqOptions options;
    options.damping = settings.damping;
    std::optional<Levels> found = roundByErrorFeedback(problem, grid, options);
    if (!found)
      return op.emitOpError()
             << "has moments in '" << settings.file
             << "' that are not positive definite, as those of data are; "
                "option 'damping' adds to their diagonal";
    takeBetter(problem.depth, *found, getRowLosses(problem, grid, *found),
               levels, losses);
    options.sets = weights.getColumnSets();
    if (options.sets.empty())
      return success();
    auto choose = [&](size_t set, ArrayRef<double> current) {
      weights.chooseScales(options.sets[set], current, grid);
    };
    options.choose = choose;
    found = roundByErrorFeedback(problem, grid, options);
    for (int64_t row :
         takeBetter(problem.depth, *found, getRowLosses(problem, grid, *found),
                    levels, losses))
      weights.acceptScales(row);
    return success();
  }

  void report(linalg::LinalgOp op, const Losses &losses) {
    InFlightDiagnostic remark = op.emitRemark();
    remark << "weights are rounded with a loss of " << losses.gptq
           << " by gptq";
    if (settings.method == WeightRoundingMethod::Learned)
      remark << " and of " << losses.learned << " learned";
    remark << ", of " << losses.nearest << " to nearest";
  }

  const Settings &settings;
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
    Settings settings = {method, moments, damping, sweeps};
    LayerRounder rounder(settings, *table);
    WalkResult result = getOperation().walk(
        [&](linalg::LinalgOp op) { return WalkResult(rounder.rewrite(op)); });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
