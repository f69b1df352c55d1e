// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ChannelScales.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir::qfmt;
using llvm::ArrayRef;
using llvm::MutableArrayRef;

std::vector<double> ChannelRanges::getLargest(ArrayRef<double> shift) const {
  std::vector<double> largest(size());
  for (size_t j = 0; j < size(); ++j) {
    double origin = shift.empty() ? 0.0 : shift[j];
    largest[j] = std::max(std::abs(min[j] - origin), std::abs(max[j] - origin));
  }
  return largest;
}

std::vector<double> ChannelRanges::getMidRange() const {
  std::vector<double> shift(size());
  // Halves first: the sum of two finite numbers may be none.
  for (size_t j = 0; j < size(); ++j)
    shift[j] = max[j] / 2 + min[j] / 2;
  return shift;
}

/// Normalized; 1 where the logarithm, to base 2, is not finite.
static std::vector<double> getNormalized(ArrayRef<double> logarithms) {
  double sum = 0;
  int64_t count = 0;
  for (double logarithm : logarithms)
    if (std::isfinite(logarithm)) {
      sum += logarithm;
      ++count;
    }
  double mean = count == 0 ? 0.0 : sum / count;
  double limit = std::log2(kLargestScale);
  std::vector<double> scale;
  for (double logarithm : logarithms)
    scale.push_back(std::isfinite(logarithm)
                        ? std::exp2(std::clamp(logarithm - mean, -limit, limit))
                        : 1.0);
  return scale;
}

void mlir::qfmt::roundToPowersOfTwo(MutableArrayRef<double> scale) {
  for (double &value : scale)
    value = std::ldexp(1.0, static_cast<int>(std::nearbyint(std::log2(value))));
}

static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::vector<double> mlir::qfmt::getSmoothQuantScales(ArrayRef<double> largest,
                                                     ArrayRef<double> weights,
                                                     double alpha) {
  std::vector<double> logarithms;
  for (auto [data, weight] : llvm::zip_equal(largest, weights))
    logarithms.push_back(data > 0 && weight > 0
                             ? alpha * std::log2(data) -
                                   (1 - alpha) * std::log2(weight)
                             : kNone);
  return getNormalized(logarithms);
}

std::vector<double> mlir::qfmt::getActivationScales(ArrayRef<double> magnitude,
                                                    double exponent) {
  std::vector<double> logarithms;
  for (double mean : magnitude)
    logarithms.push_back(mean > 0 ? exponent * std::log2(mean) : kNone);
  return getNormalized(logarithms);
}

std::vector<double> mlir::qfmt::getThresholdScales(ArrayRef<double> largest,
                                                   double threshold) {
  std::vector<double> scale(largest.size(), 1.0);
  if (threshold > 0)
    for (size_t j = 0; j < scale.size(); ++j)
      scale[j] = std::max(1.0, largest[j] / threshold);
  return scale;
}

std::vector<double> mlir::qfmt::getThresholds(double largest, double least) {
  std::vector<double> thresholds = {largest};
  if (!(largest > least))
    return thresholds;
  // More steps than this are no better, and take forever.
  constexpr double kMostSteps = 10000;
  double steps =
      std::min(kMostSteps, std::max(100.0, std::floor(largest / 0.5)));
  for (double i = 1; i <= steps; ++i)
    thresholds.push_back(largest - i * ((largest - least) / steps));
  return thresholds;
}

std::optional<Candidate> mlir::qfmt::findLeastLoss(size_t count,
                                                   CandidateLoss loss) {
  std::optional<Candidate> best;
  for (size_t number = 0; number < count; ++number) {
    std::optional<double> found = loss(number);
    if (!found)
      return std::nullopt;
    if (!best)
      best = {number, *found, *found};
    else if (*found < best->loss)
      best = {number, *found, best->firstLoss};
  }
  return best;
}

std::vector<double> mlir::qfmt::getExponentBiases(ArrayRef<double> largest,
                                                  unsigned exponentBits,
                                                  unsigned mantissaBits) {
  double top = std::exp2(exponentBits) +
               std::log2(2 - std::exp2(-double(mantissaBits))) - 1;
  std::vector<double> biases;
  // log2(0) is minus infinity.
  for (double value : largest)
    biases.push_back(top - std::log2(value));
  return biases;
}

std::vector<int> mlir::qfmt::getExponentShifts(ArrayRef<double> biases,
                                               double tensorBias,
                                               unsigned exponentBits) {
  double most = std::exp2(exponentBits) - 1;
  std::vector<int> shifts;
  for (double bias : biases)
    shifts.push_back(std::isinf(bias)
                         ? 0
                         : static_cast<int>(std::clamp(
                               std::nearbyint(bias - tensorBias), 0.0, most)));
  return shifts;
}

std::vector<std::vector<int>>
mlir::qfmt::getShiftCandidates(ArrayRef<double> biases, unsigned exponentBits) {
  constexpr int kBiases = 100;
  std::vector<std::vector<int>> candidates = {
      std::vector<int>(biases.size(), 0)};
  double least = std::numeric_limits<double>::infinity(), greatest = -least;
  for (double bias : biases)
    if (!std::isinf(bias)) {
      least = std::min(least, bias);
      greatest = std::max(greatest, bias);
    }
  if (!(least < greatest))
    return candidates;
  auto add = [&](double tensorBias) {
    std::vector<int> shifts =
        getExponentShifts(biases, tensorBias, exponentBits);
    if (!llvm::is_contained(candidates, shifts))
      candidates.push_back(std::move(shifts));
  };
  add(least);
  // Below all shifts are the greatest, above all are 0.
  double lowest = least - (std::exp2(exponentBits) - 1);
  for (int i = 0; i < kBiases; ++i)
    add(lowest + (greatest - lowest) * i / (kBiases - 1));
  return candidates;
}

std::vector<double> mlir::qfmt::getShiftScales(ArrayRef<int> shifts) {
  std::vector<double> scale;
  for (int shift : shifts)
    scale.push_back(std::ldexp(1.0, -shift));
  return scale;
}
