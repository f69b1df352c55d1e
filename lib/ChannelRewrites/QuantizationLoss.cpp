// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "QuantizationLoss.h"
#include "../Transforms/CalibratedRange.h"

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

static std::optional<LevelSet> getLevels(NumberFormat format) {
  // Finer formats round next to nothing.
  constexpr unsigned kMostBits = 16;
  if (!format || format.getFormatWidth() > kMostBits)
    return std::nullopt;
  std::vector<std::pair<double, uint64_t>> levels;
  for (uint64_t code = 0; code < uint64_t(1) << format.getFormatWidth(); ++code)
    if (double value = format.decodeCode(code); std::isfinite(value))
      levels.emplace_back(value, code);
  return LevelSet(std::move(levels));
}

LayerRounding::LayerRounding(const FormatChoice &formats)
    : formats(formats), levels(getLevels(formats.activations.number)) {
  if (levels)
    nonNegativeLevels = getLevels(getNonNegative(formats.activations.number));
}

FailureOr<std::vector<double>>
LayerRounding::round(const ReaderData &reader, RankedTensorType type,
                     std::vector<double> values,
                     const OperandEncoding &encoding) {
  linalg::LinalgOp op = reader.sum.op;
  if (failed(encoding.format.verifyEncoding(
          type.getShape(), type.getElementType(), [&] {
            return op.emitOpError() << "has operands that " << formats.str()
                                    << " cannot encode: ";
          })))
    return failure();
  FailureOr<std::vector<double>> errors =
      roundTrips.compute(op->getLoc(), type, values, encoding);
  if (failed(errors))
    return failure();
  // compute takes the values as f32.
  for (auto [value, error] : llvm::zip_equal(values, *errors))
    value -= error;
  return values;
}

FailureOr<std::vector<double>>
LayerRounding::roundWeights(const ReaderData &reader, ArrayRef<double> scale) {
  const WeightedSum &sum = reader.sum;
  std::vector<double> weights = reader.weights;
  for (auto [weight, channel] : llvm::zip_equal(weights, reader.weightChannels))
    weight *= scale[channel];
  OperandEncoding encoding = getWeightEncoding(formats.weights, sum);
  if (encoding.format) {
    auto type = cast<RankedTensorType>(sum.weights->get().getType());
    FailureOr<std::vector<double>> rounded =
        round(reader, type, std::move(weights), encoding);
    if (failed(rounded))
      return failure();
    weights = std::move(*rounded);
  }
  return reader.arrange(weights);
}

void LayerRounding::roundToNumbers(const ChannelRanges &ranges,
                                   std::vector<double> &rows) {
  double largest = 0;
  for (double value : ranges.getLargest())
    largest = std::max(largest, value);
  NumberFormat format = formats.activations.number;
  bool isNegative =
      llvm::any_of(ranges.min, [](double value) { return value < 0; });
  if (!isNegative)
    format = getNonNegative(format);
  (isNegative ? levels : nonNegativeLevels)
      ->roundAll(rows, getSymmetricScale(largest, format));
}

LogicalResult LayerRounding::roundRows(const ReaderData &reader,
                                       const ChannelRanges &ranges,
                                       std::vector<double> &rows) {
  const OperandFormat &format = formats.activations;
  if (levels)
    roundToNumbers(ranges, rows);
  if (format.number || format.isReal() || rows.empty())
    return success();
  MLIRContext *context = reader.sum.op->getContext();
  OperandEncoding encoding{format.encoding, format.getScaleRule()};
  if (format.preset) {
    encoding.format = format.preset->getFormat(context, /*rank=*/2);
    encoding.rounding = format.preset->rounding;
  }
  int64_t depth = reader.matrices.depth;
  auto type =
      RankedTensorType::get({static_cast<int64_t>(rows.size()) / depth, depth},
                            Float32Type::get(context));
  FailureOr<std::vector<double>> rounded =
      round(reader, type, std::move(rows), encoding);
  if (failed(rounded))
    return failure();
  rows = std::move(*rounded);
  return success();
}

//===----------------------------------------------------------------------===//
// Loss
//===----------------------------------------------------------------------===//

/// One of the matrices, each of `size` elements.
static ArrayRef<double> getMatrix(ArrayRef<double> all, int64_t group,
                                  int64_t size) {
  return all.slice(group * size, size);
}

QuantizationLoss::QuantizationLoss(const InputData &input,
                                   LayerRounding &rounding,
                                   ArrayRef<double> shift)
    : input(input), rounding(rounding), shift(shift) {
  if (shift.empty())
    this->shift.assign(input.ranges.size(), 0.0);
  for (const ReaderData &reader : input.readers) {
    const WeightMatrices &matrices = reader.matrices;
    std::vector<double> weights = reader.arrange(reader.weights);
    auto &readerRows = rows.emplace_back();
    auto &readerProducts = products.emplace_back();
    for (int64_t group = 0; group < matrices.groups; ++group) {
      readerRows.push_back(getRows(reader, group));
      readerProducts.push_back(multiplyRows(
          readerRows.back(),
          getMatrix(weights, group, matrices.outputs * matrices.depth),
          matrices.depth));
    }
  }
}

std::vector<double> QuantizationLoss::getRows(const ReaderData &reader,
                                              int64_t group) const {
  const ChannelStatistics &statistics = *reader.statistics;
  std::vector<double> result;
  result.reserve(statistics.numRows * statistics.depth);
  const int64_t *channels = &reader.channels[group * statistics.depth];
  for (int64_t row = 0; row < statistics.numRows; ++row)
    for (auto [i, value] : llvm::enumerate(statistics.getRow(group, row)))
      result.push_back(value - shift[channels[i]]);
  return result;
}

ChannelRanges QuantizationLoss::getRanges(ArrayRef<double> scale) const {
  ChannelRanges ranges = input.ranges;
  for (size_t j = 0; j < ranges.size(); ++j) {
    ranges.min[j] = (ranges.min[j] - shift[j]) / scale[j];
    ranges.max[j] = (ranges.max[j] - shift[j]) / scale[j];
  }
  return ranges;
}

FailureOr<double> QuantizationLoss::compute(size_t index,
                                            ArrayRef<double> scale,
                                            const ChannelRanges &ranges) {
  const ReaderData &reader = input.readers[index];
  const WeightMatrices &matrices = reader.matrices;
  linalg::LinalgOp op = reader.sum.op;
  if (reader.statistics->numRows == 0)
    return op.emitOpError()
           << "is the layer '" << reader.name
           << "', of whose data no rows were recorded; qfmt-annotate does so "
              "unless its option 'rows' is 0";
  FailureOr<std::vector<double>> weights = rounding.roundWeights(reader, scale);
  if (failed(weights))
    return failure();
  double loss = 0;
  for (int64_t group = 0; group < matrices.groups; ++group) {
    std::vector<double> changed = rows[index][group];
    const int64_t *channels = &reader.channels[group * matrices.depth];
    for (size_t i = 0; i < changed.size(); ++i)
      changed[i] /= scale[channels[i % matrices.depth]];
    if (failed(rounding.roundRows(reader, ranges, changed)))
      return failure();
    loss += getOutputLoss(
        products[index][group], changed,
        getMatrix(*weights, group, matrices.outputs * matrices.depth),
        matrices.depth);
  }
  return loss;
}

FailureOr<double> QuantizationLoss::compute(ArrayRef<double> scale) {
  ChannelRanges ranges = getRanges(scale);
  double loss = 0;
  for (size_t index = 0; index < input.readers.size(); ++index) {
    FailureOr<double> one = compute(index, scale, ranges);
    if (failed(one))
      return failure();
    loss += *one;
  }
  return loss;
}

FailureOr<double> QuantizationLoss::computeWithoutScale() {
  return compute(std::vector<double>(input.ranges.size(), 1.0));
}
