// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CalibratedRange.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

/// The histogram's bins as reals.
struct Bins {
  explicit Bins(StatisticsAttr statistics)
      : counts(statistics.getHistogram()),
        largest(std::max(std::abs(statistics.getMin()),
                         std::abs(statistics.getMax()))),
        width(2 * largest / counts.size()) {}

  double getCenter(size_t bin) const { return (bin + 0.5) * width - largest; }
  /// The magnitude of the edge farther from zero.
  double getOuterEdge(size_t bin) const {
    return std::abs(getCenter(bin)) + width / 2;
  }

  ArrayRef<int64_t> counts;
  double largest;
  double width;
};

/// The smallest edge of a bin that has the share of values inside.
double findPercentile(const Bins &bins, int64_t count, double percentile) {
  double wanted = percentile / 100 * count;
  // Two bins have the same outer edge, one a sign: from the outside inwards,
  // drop what may be dropped.
  size_t low = 0, high = bins.counts.size() - 1;
  double inside = count;
  for (; low < high; ++low, --high) {
    double left = inside - bins.counts[low] - bins.counts[high];
    if (left < wanted)
      break;
    inside = left;
  }
  return std::min(bins.getOuterEdge(low), bins.largest);
}

/// What a number format can say, to compute rounding errors with.
class Levels {
public:
  /// Of a format of at most 16 bits.
  explicit Levels(NumberFormat format) {
    for (uint64_t code = 0; code < uint64_t(1) << format.getFormatWidth();
         ++code)
      if (double value = format.decodeCode(code); std::isfinite(value))
        values.push_back(value);
    llvm::sort(values);
    values.erase(llvm::unique(values), values.end());
  }

  /// The squared error of rounding the values of a bin to levels times `scale`.
  double getSquaredError(const Bins &bins, size_t bin, double scale) const {
    double center = bins.getCenter(bin);
    double quotient = center / scale;
    // The levels on both sides, or the last two.
    size_t above = llvm::lower_bound(values, quotient) - values.begin();
    above = std::clamp<size_t>(above, 1, values.size() - 1);
    double low = values[above - 1], high = values[above], step = high - low;
    bool isInside = quotient >= low - step / 2 && quotient <= high + step / 2;
    // Steps finer than a bin: values are spread evenly over many steps, of
    // which the center's error says nothing.
    if (isInside && step * scale <= bins.width)
      return step * scale * step * scale / 12;
    double error =
        scale * std::min(std::abs(high - quotient), std::abs(quotient - low));
    return error * error;
  }

private:
  std::vector<double> values;
};

/// Of all bins.
double sumSquaredErrors(const Bins &bins, const Levels &levels, double scale) {
  double error = 0;
  for (auto [bin, count] : llvm::enumerate(bins.counts))
    if (count != 0)
      error += count * levels.getSquaredError(bins, bin, scale);
  return error;
}

double findLeastSquaredError(const Bins &bins, NumberFormat format) {
  // Formats this fine gain nothing from clipping.
  if (format.getFormatWidth() > 16)
    return bins.largest;
  Levels levels(format);
  constexpr int kCandidates = 128;
  double best = bins.largest;
  double bestError = std::numeric_limits<double>::infinity();
  // From the largest down: of equally good thresholds the largest is taken.
  for (int candidate = kCandidates; candidate > 0; --candidate) {
    double threshold = bins.largest * candidate / kCandidates;
    double scale = threshold / format.getScaleTarget();
    double error = sumSquaredErrors(bins, levels, scale);
    if (error < bestError) {
      bestError = error;
      best = threshold;
    }
  }
  return best;
}

} // namespace

double mlir::qfmt::computeThreshold(StatisticsAttr statistics,
                                    NumberFormat format,
                                    const Calibration &calibration) {
  Bins bins(statistics);
  if (bins.largest == 0 || bins.counts.empty())
    return bins.largest;
  switch (calibration.method) {
  case Calibration::Method::MinMax:
    return bins.largest;
  case Calibration::Method::Percentile:
    return findPercentile(bins, statistics.getCount(), calibration.percentile);
  case Calibration::Method::MSE:
    return findLeastSquaredError(bins, format);
  }
  return bins.largest;
}

double mlir::qfmt::computeSquaredError(StatisticsAttr statistics,
                                       NumberFormat format, double scale) {
  Bins bins(statistics);
  // Zeros alone.
  if (bins.largest == 0)
    return 0;
  return sumSquaredErrors(bins, Levels(format), scale);
}

double mlir::qfmt::computeEnergy(StatisticsAttr statistics) {
  Bins bins(statistics);
  double energy = 0;
  for (auto [bin, count] : llvm::enumerate(bins.counts))
    energy += count * bins.getCenter(bin) * bins.getCenter(bin);
  return energy;
}

std::vector<double> mlir::qfmt::getQuantiles(StatisticsAttr statistics,
                                             size_t count) {
  Bins bins(statistics);
  std::vector<double> values;
  int64_t below = 0;
  for (auto [bin, inside] : llvm::enumerate(bins.counts)) {
    // Those of the ranks (i + 1/2) / count of all that lie in the bin.
    for (double rank = (values.size() + 0.5) / count * statistics.getCount();
         values.size() < count && rank <= below + inside;
         rank = (values.size() + 0.5) / count * statistics.getCount())
      values.push_back(bins.getCenter(bin) +
                       bins.width * ((rank - below) / inside - 0.5));
    below += inside;
  }
  return values;
}

NumberFormat mlir::qfmt::getNonNegative(NumberFormat format) {
  if (!format.hasIntegerCodes() || !format.canWrap())
    return format;
  return cast<NumberFormat>(static_cast<Type>(IntegerType::get(
      format.getContext(), format.getFormatWidth(), IntegerType::Unsigned)));
}

double mlir::qfmt::getSymmetricScale(double threshold, NumberFormat format) {
  ExactReal scale = ExactReal::divideRounded(
      ExactReal::fromDouble(threshold),
      ExactReal::fromDouble(format.getScaleTarget()), BinaryFormat::f32());
  return scale.isZero() ? 1.0 : scale.roundToDouble();
}
