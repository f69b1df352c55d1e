// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ChannelData.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

static LogicalResult verifyFinite(WeightedSum &sum) {
  for (double weight : sum.values.getElements())
    if (!std::isfinite(weight))
      return sum.op.emitOpError() << "has weights that are NaN or infinite";
  return success();
}

FailureOr<ChannelData>
ChannelData::read(ModuleOp module, StringRef path,
                  function_ref<InFlightDiagnostic()> emitError) {
  if (path.empty())
    return emitError() << "option 'moments' is missing: give the .npz file "
                          "that qfmt-annotate{moments=FILE} writes";
  llvm::Expected<ChannelStatisticsFile> file =
      ChannelStatisticsFile::read(path);
  if (!file)
    return emitError() << llvm::toString(file.takeError());
  FailureOr<SmallVector<Layer>> layers = collectLayers(module);
  if (failed(layers))
    return failure();
  if (layers->empty())
    return emitError() << "finds no layers, contractions with constant "
                          "weights, whose data could be changed";
  ChannelData data;
  for (const Layer &layer : *layers) {
    std::optional<WeightedSum> sum = WeightedSum::match(layer.op);
    if (failed(verifyFinite(*sum)))
      return failure();
    FailureOr<ChannelStatistics> found =
        file->find(layer.name, layer.op, WeightMatrices::get(*sum));
    if (failed(found))
      return failure();
    data.layers.try_emplace(layer.name, std::move(*found));
  }
  return data;
}

FailureOr<std::optional<ChannelData>>
ChannelData::readIfGiven(ModuleOp module, StringRef path,
                         function_ref<InFlightDiagnostic()> emitError) {
  std::optional<ChannelData> data;
  if (path.empty())
    return data;
  FailureOr<ChannelData> found = read(module, path, emitError);
  if (failed(found))
    return failure();
  data.emplace(std::move(*found));
  return data;
}

/// The channel of each position of [groups][depth]: groups may share channels,
/// or have their own.
static std::vector<int64_t> getChannels(ArrayRef<int64_t> channelOfDepth,
                                        int64_t size) {
  std::vector<int64_t> channels(size);
  for (int64_t position = 0; position < size; ++position)
    channels[position] = channelOfDepth[position % channelOfDepth.size()];
  return channels;
}

/// Reads the weights.
static void readWeights(ReaderData &reader) {
  const WeightMatrices &matrices = reader.matrices;
  reader.weights = reader.sum.values.getElements();
  forEachIndex(reader.sum.values.getShape(), [&](ArrayRef<int64_t> index) {
    int64_t place = 0;
    for (auto [entry, stride] : llvm::zip_equal(index, matrices.strides))
      place += entry * stride;
    int64_t group = place / (matrices.depth * matrices.outputs);
    reader.weightPlaces.push_back(place);
    reader.weightChannels.push_back(
        reader.channels[group * matrices.depth + place % matrices.depth]);
  });
}

std::vector<double> ReaderData::arrange(ArrayRef<double> elements) const {
  std::vector<double> arranged(elements.size());
  for (auto [element, place] : llvm::zip_equal(elements, weightPlaces))
    arranged[place] = element;
  return arranged;
}

/// Adds what one reader has read to the ranges. The magnitude becomes the sum
/// of all means; `counts` says of how many.
static void include(const ReaderData &reader, InputData &input,
                    std::vector<int64_t> &counts) {
  const ChannelStatistics &statistics = *reader.statistics;
  ChannelRanges &ranges = input.ranges;
  for (auto [position, channel] : llvm::enumerate(reader.channels)) {
    double min = statistics.min[position], max = statistics.max[position];
    bool isFirst = counts[channel]++ == 0;
    ranges.min[channel] = isFirst ? min : std::min(ranges.min[channel], min);
    ranges.max[channel] = isFirst ? max : std::max(ranges.max[channel], max);
    ranges.magnitude[channel] += statistics.magnitude[position];
  }
  for (auto [weight, channel] :
       llvm::zip_equal(reader.weights, reader.weightChannels))
    input.largestWeights[channel] =
        std::max(input.largestWeights[channel], std::abs(weight));
}

FailureOr<InputData> ChannelData::get(const SharedInput &input) const {
  InputData data;
  data.axes = input.axes;
  data.shape = input.shape;
  int64_t size = input.getNumChannels();
  data.ranges = {std::vector<double>(size, 0.0), std::vector<double>(size, 0.0),
                 std::vector<double>(size, 0.0)};
  data.largestWeights.assign(size, 0.0);
  std::vector<int64_t> counts(size, 0);
  for (const ChannelReader &reader : input.readers) {
    linalg::LinalgOp op = reader.layer.op;
    auto found = layers.find(reader.layer.name);
    std::optional<WeightedSum> sum = WeightedSum::match(op);
    if (found == layers.end() || !sum)
      return op.emitOpError() << "is the layer '" << reader.layer.name
                              << "', of which no statistics were read";
    WeightMatrices matrices = WeightMatrices::get(*sum);
    ReaderData one;
    one.name = reader.layer.name;
    one.sum = std::move(*sum);
    one.matrices = matrices;
    one.statistics = &found->second;
    one.channels =
        getChannels(reader.channelOfDepth, matrices.groups * matrices.depth);
    readWeights(one);
    include(one, data, counts);
    data.readers.push_back(std::move(one));
  }
  for (auto [magnitude, count] : llvm::zip_equal(data.ranges.magnitude, counts))
    magnitude /= std::max<int64_t>(count, 1);
  return data;
}
