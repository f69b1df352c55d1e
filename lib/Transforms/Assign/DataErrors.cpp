// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DataErrors.h"
#include "../Quantize/FormatAssignment.h"
#include "qfmt/Support/SplitMix64.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::qfmt;

static SmallVector<ObserveOp> getSources(const Layer &layer) {
  SmallVector<ObserveOp> sources;
  collectSources(layer.data->get(), sources);
  return sources;
}

bool DataErrors::hasStatistics(const Layer &layer) {
  SmallVector<ObserveOp> sources = getSources(layer);
  auto type = cast<RankedTensorType>(layer.data->get().getType());
  return !sources.empty() && type.hasStaticShape() &&
         type.getNumElements() > 0 && llvm::all_of(sources, [](ObserveOp op) {
           return op.getStatistics().has_value();
         });
}

/// One format and scale for all, as qfmt-quantize chooses them.
static std::pair<NumberFormat, double>
getStaticFormat(ArrayRef<StatisticsAttr> seen, NumberFormat format) {
  if (llvm::all_of(seen, [](StatisticsAttr statistics) {
        return statistics.getMin() >= 0;
      }))
    format = getNonNegative(format);
  double threshold = 0;
  for (StatisticsAttr statistics : seen)
    threshold = std::max(threshold,
                         computeThreshold(statistics, format, Calibration()));
  return {format, getSymmetricScale(threshold, format)};
}

static void shuffle(std::vector<double> &values, SplitMix64 &random) {
  for (size_t left = values.size(); left > 1; --left)
    std::swap(values[left - 1], values[size_t(random.uniform() * left)]);
}

FailureOr<double> DataErrors::getBlockError(const Layer &layer,
                                            StatisticsAttr statistics,
                                            const OperandEncoding &encoding) {
  auto type = cast<RankedTensorType>(layer.data->get().getType());
  int64_t size = type.getNumElements();
  std::vector<double> values = getQuantiles(statistics, size);
  // So many that the mean of their squared errors is off by percents.
  constexpr int64_t kValues = 1 << 14;
  int64_t rounds = llvm::divideCeil(kValues, size);
  SplitMix64 random(0);
  double sum = 0;
  for (int64_t round = 0; round < rounds; ++round) {
    shuffle(values, random);
    FailureOr<std::vector<double>> errors =
        roundTrips.compute(layer.op->getLoc(), type, values, encoding);
    if (failed(errors))
      return failure();
    for (double error : *errors)
      sum += error * error;
  }
  return sum / (size * rounds) * statistics.getCount();
}

FailureOr<double> DataErrors::getNoiseRatio(const Layer &layer,
                                            const OperandFormat &format) {
  OperandEncoding encoding = getDataEncoding(format, layer.op, *layer.data);
  if (!format.number && !encoding.format)
    return 0.0;
  // Next to nothing, and more values than can be listed.
  if (format.number && format.number.getFormatWidth() > 16)
    return 0.0;
  SmallVector<StatisticsAttr> seen = llvm::map_to_vector(
      getSources(layer), [](ObserveOp op) { return *op.getStatistics(); });
  std::pair<NumberFormat, double> fixed;
  if (format.number)
    fixed = getStaticFormat(seen, format.number);
  double error = 0, energy = 0;
  for (StatisticsAttr statistics : seen) {
    FailureOr<double> found =
        format.number
            ? computeSquaredError(statistics, fixed.first, fixed.second)
            : getBlockError(layer, statistics, encoding);
    if (failed(found))
      return failure();
    error += *found;
    energy += computeEnergy(statistics);
  }
  return energy > 0 ? error / energy : 0.0;
}
