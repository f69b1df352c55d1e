//===- CorrectBiases.cpp - What rounded weights add on average ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level encoded, the weights of layers encoded from constants, their
//         real weights as an attribute (qfmt-keep-weights), and the mean of
//         what the layers read.
// Output: the same without the attributes. What each layer adds its products
//         to, its init, is smaller by the mean of what the errors of its
//         weights add: (W' - W) E[x].
//
// A bias that another operation adds later stays, since sums do not care which
// of their constants changes; an init of zeros becomes a bias. Not done: layers
// that add to a tensor computed at run time; errors of data.
//
//===----------------------------------------------------------------------===//

#include "ChannelStatistics.h"
#include "DecodedConstant.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/RegionUtils.h"
#include "qfmt/Calibration/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/LayerAttributes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "llvm/ADT/Statistic.h"
#include <cmath>

namespace mlir::qfmt {
#define GEN_PASS_DEF_CORRECTBIASES
#include "qfmt/Calibration/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-correct-biases"
ALWAYS_ENABLED_STATISTIC(numCorrected, "Layers whose biases were corrected");

/// The inputs that may be weights, in the order of WeightedSum::match.
static OpOperand *findWeights(linalg::LinalgOp op) {
  if (op.getNumDpsInputs() != 2)
    return nullptr;
  for (unsigned position : {1u, 0u})
    if (isEncodedConstant(op.getDpsInputOperand(position)->get()))
      return op.getDpsInputOperand(position);
  return nullptr;
}

namespace {
/// Corrects one layer after the other.
class LayerCorrector {
public:
  explicit LayerCorrector(const ChannelStatisticsFile &file) : file(file) {}

  /// Fails with a diagnostic if the file has no statistics for the layer; a
  /// remark says why it is left as it is.
  LogicalResult rewrite(linalg::LinalgOp op) {
    auto name = op->getAttrOfType<StringAttr>(kLayerAttr);
    auto real = op->getAttrOfType<TypedAttr>(kRealWeightsAttr);
    op->removeAttr(kLayerAttr);
    op->removeAttr(kRealWeightsAttr);
    OpOperand *weights = findWeights(op);
    if (!name)
      return skip(op, "the layer has no name");
    if (!weights)
      return isReal(op) ? success() : skip(op, "its weights are not constant");
    if (real.getType() != getRealType(weights->get()))
      return op.emitOpError() << "has weights of another type than its '"
                              << kRealWeightsAttr << "'";
    return correct(op, name, real, *weights);
  }

private:
  static LogicalResult skip(linalg::LinalgOp op, const Twine &reason) {
    op.emitRemark() << "its bias is not corrected: " << reason;
    return success();
  }

  /// Whether the layer's weights are no codes: they have no errors.
  static bool isReal(linalg::LinalgOp op) {
    return llvm::any_of(op.getDpsInputs(), [](Value input) {
      return ConstantTensor::read(input).has_value();
    });
  }

  static Type getRealType(Value weights) {
    auto type = cast<RankedTensorType>(weights.getType());
    return RankedTensorType::get(type.getShape(), type.getElementType());
  }

  /// The layer with its real weights again, which lives as long as `scratch`.
  static std::optional<WeightedSum> matchReal(linalg::LinalgOp op,
                                              OpOperand &weights,
                                              TypedAttr real, Block &scratch) {
    OpBuilder builder(op.getContext());
    builder.setInsertionPointToEnd(&scratch);
    Value constant = arith::ConstantOp::create(builder, op.getLoc(), real);
    Operation *before = builder.clone(*op);
    before->setOperand(weights.getOperandNumber(), constant);
    return WeightedSum::match(before);
  }

  LogicalResult correct(linalg::LinalgOp op, StringAttr name, TypedAttr real,
                        OpOperand &weights) {
    OpOperand *init = op.getDpsInitOperand(0);
    std::optional<ConstantTensor> old = ConstantTensor::read(init->get());
    if (!old)
      return skip(op, "it adds to a tensor that is no f32 constant");
    Block scratch;
    std::optional<WeightedSum> sum = matchReal(op, weights, real, scratch);
    if (!sum)
      return skip(op, "it does not sum products of data and weights");
    WeightMatrices matrices = WeightMatrices::get(*sum);
    FailureOr<ChannelStatistics> statistics = file.find(name, op, matrices);
    if (failed(statistics))
      return failure();
    FailureOr<std::vector<double>> decoded = decoder.decode(weights.get());
    if (failed(decoded))
      return failure();
    std::vector<double> shifts =
        getShifts(*sum, matrices, *decoded, statistics->mean);
    double largest = 0;
    for (double shift : shifts)
      largest = std::max(largest, std::abs(shift));
    if (largest == 0)
      return success();
    std::optional<std::vector<double>> corrected =
        subtract(*old, getRows(*sum, matrices, old->getShape()), shifts);
    if (!corrected)
      return skip(op, "the corrected one is beyond the range of f32");
    init->set(materialize(op, *sum, old->getShape(), *corrected, name));
    ++numCorrected;
    op.emitRemark() << "its bias is corrected by up to " << largest;
    return success();
  }

  /// (W' - W) E[x] of each row [groups][outputs].
  static std::vector<double> getShifts(const WeightedSum &sum,
                                       const WeightMatrices &matrices,
                                       ArrayRef<double> decoded,
                                       ArrayRef<double> mean) {
    std::vector<double> real =
        matrices.arrange(sum.values.getShape(), sum.values.getElements());
    std::vector<double> rounded =
        matrices.arrange(sum.values.getShape(), decoded);
    std::vector<double> shifts(matrices.groups * matrices.outputs, 0.0);
    for (size_t row = 0; row < shifts.size(); ++row) {
      const double *x = &mean[row / matrices.outputs * matrices.depth];
      size_t begin = row * matrices.depth;
      for (int64_t i = 0; i < matrices.depth; ++i)
        shifts[row] += (rounded[begin + i] - real[begin + i]) * x[i];
    }
    return shifts;
  }

  /// Of each element of the result the row that it is computed by.
  static std::vector<int64_t> getRows(const WeightedSum &sum,
                                      const WeightMatrices &matrices,
                                      ArrayRef<int64_t> shape) {
    std::vector<int64_t> rows;
    rows.reserve(ShapedType::getNumElements(shape));
    forEachIndex(shape, [&](ArrayRef<int64_t> index) {
      int64_t position = 0;
      for (WeightedSum::Channel channel : sum.channels)
        position +=
            index[channel.resultDim] * matrices.strides[channel.weightDim];
      rows.push_back(position / matrices.depth);
    });
    return rows;
  }

  /// Rounded to f32; none if an element overflows.
  static std::optional<std::vector<double>> subtract(const ConstantTensor &old,
                                                     ArrayRef<int64_t> rows,
                                                     ArrayRef<double> shifts) {
    std::vector<double> corrected = old.getElements();
    for (auto [element, row] : llvm::zip_equal(corrected, rows)) {
      element = static_cast<float>(element - shifts[row]);
      if (!std::isfinite(element))
        return std::nullopt;
    }
    return corrected;
  }

  /// The dimensions of the result along which weights are the same.
  static SmallVector<int64_t> getRepeatedDims(const WeightedSum &sum,
                                              int64_t rank) {
    SmallVector<int64_t> repeated;
    for (int64_t dim = 0; dim < rank; ++dim)
      if (llvm::none_of(sum.channels, [&](WeightedSum::Channel channel) {
            return channel.resultDim == dim;
          }))
        repeated.push_back(dim);
    return repeated;
  }

  /// One number for all of the elements that differ only in their index along
  /// `repeated`; none if these are not all the same.
  static std::optional<std::vector<double>>
  getUniform(ArrayRef<int64_t> shape, ArrayRef<double> elements,
             ArrayRef<int64_t> repeated) {
    SmallVector<int64_t> kept(shape);
    for (int64_t dim : repeated)
      kept[dim] = 1;
    std::vector<double> values(ShapedType::getNumElements(kept), NAN);
    bool isUniform = true;
    const double *element = elements.data();
    forEachIndex(shape, [&](ArrayRef<int64_t> index) {
      int64_t position = 0;
      for (auto [entry, size] : llvm::zip_equal(index, kept))
        position = position * size + (size == 1 ? 0 : entry);
      if (std::isnan(values[position]))
        values[position] = *element;
      isUniform &= values[position] == *element++;
    });
    if (!isUniform)
      return std::nullopt;
    return values;
  }

  /// A constant of one number a channel, repeated, if `elements` are that, else
  /// of all of them.
  static Value materialize(linalg::LinalgOp op, const WeightedSum &sum,
                           ArrayRef<int64_t> shape, ArrayRef<double> elements,
                           StringAttr name) {
    OpBuilder builder(op);
    auto create = [&](ArrayRef<int64_t> shape, ArrayRef<double> values) {
      auto type = RankedTensorType::get(shape, builder.getF32Type());
      return arith::ConstantOp::create(
          builder, op.getLoc(),
          makeFloats(type, values, (name.getValue() + ".bias").str()));
    };
    SmallVector<int64_t> repeated = getRepeatedDims(sum, shape.size());
    std::optional<std::vector<double>> values =
        getUniform(shape, elements, repeated);
    if (!values || repeated.empty())
      return create(shape, elements);
    SmallVector<int64_t> kept;
    for (auto [dim, size] : llvm::enumerate(shape))
      if (!llvm::is_contained(repeated, static_cast<int64_t>(dim)))
        kept.push_back(size);
    Value bias = create(kept, *values);
    Value empty = tensor::EmptyOp::create(builder, op.getLoc(), shape,
                                          builder.getF32Type());
    return linalg::BroadcastOp::create(builder, op.getLoc(), bias, empty,
                                       repeated)
        ->getResult(0);
  }

  const ChannelStatisticsFile &file;
  ConstantDecoder decoder;
};

struct CorrectBiasesPass : qfmt::impl::CorrectBiasesBase<CorrectBiasesPass> {
  using Base::Base;

  /// Everything that compiling needs: no dialect can be loaded later on.
  void getDependentDialects(DialectRegistry &registry) const override {
    registerPipelineDialects(registry);
  }

  void runOnOperation() override {
    FailureOr<ChannelStatisticsFile> file = readStatistics();
    FailureOr<SmallVector<linalg::LinalgOp>> layers = collect();
    if (failed(file) || failed(layers))
      return signalPassFailure();
    LayerCorrector corrector(*file);
    for (linalg::LinalgOp op : *layers)
      if (failed(corrector.rewrite(op)))
        return signalPassFailure();
    IRRewriter rewriter(&getContext());
    (void)runRegionDCE(rewriter, getOperation()->getRegions());
  }

  FailureOr<ChannelStatisticsFile> readStatistics() {
    if (moments.empty())
      return fail("option 'moments' is missing: give the .npz file that "
                  "qfmt-annotate{moments=FILE} writes");
    llvm::Expected<ChannelStatisticsFile> file =
        ChannelStatisticsFile::read(moments);
    if (!file)
      return fail(llvm::toString(file.takeError()));
    return std::move(*file);
  }

  FailureOr<SmallVector<linalg::LinalgOp>> collect() {
    SmallVector<linalg::LinalgOp> layers;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (op->hasAttr(kRealWeightsAttr))
        layers.push_back(op);
    });
    if (!layers.empty())
      return layers;
    return fail("finds no layer with '" + kRealWeightsAttr +
                "'; run qfmt-keep-weights before qfmt-quantize");
  }

  InFlightDiagnostic fail(const Twine &message) {
    return emitError(getOperation().getLoc())
           << "qfmt-correct-biases: " << message;
  }
};
} // namespace
