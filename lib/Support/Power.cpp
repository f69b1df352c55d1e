//===- Power.cpp - Uniform in a power of the value ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/Power.h"
#include <cassert>
#include <cmath>

using namespace mlir::qfmt;

namespace {
/// (halves / 2)^n for 0 < halves <= 2 L + 2.
class PowerOfHalves {
public:
  PowerOfHalves(const PowerSpec &spec)
      : n(1 / spec.exponent),
        // 2 L + 2 = 2^b has one significant bit, everything else is below 2^b:
        // n-th powers have at most 63 bits, as divideRounded wants.
        isExact(n == std::floor(n) && n * spec.width <= 63) {}

  /// (halves / 2)^n as f32 and as f64.
  double roundToF32(uint64_t halves) const {
    return isExact ? round(halves, BinaryFormat::f32())
                   : double(float(approximate(halves)));
  }
  double roundToF64(uint64_t halves) const {
    return isExact ? round(halves, BinaryFormat::f64())
                   : double(approximate(halves));
  }

  /// The same as an f64 and the rest, of which only the sign counts.
  ValueTable::Threshold getThreshold(uint64_t halves) const {
    if (!isExact) {
      long double real = approximate(halves);
      double head = double(real);
      return {head, double(real - (long double)(head))};
    }
    double head = roundToF64(halves);
    ExactReal rounded = ExactReal::fromDouble(head), power = getPower(halves);
    double unit = std::nextafter(head, HUGE_VAL) - head;
    return {head, rounded < power ? unit / 4 : power < rounded ? -unit / 4 : 0};
  }

private:
  double round(uint64_t halves, const BinaryFormat &format) const {
    return getPower(halves).roundTo(format).roundToDouble();
  }
  ExactReal getPower(uint64_t halves) const {
    ExactReal result = ExactReal::fromUnsigned(1);
    for (int i = 0; i < int(n); ++i)
      result = result * ExactReal::fromUnsigned(halves);
    return result.scaleByPowerOfTwo(-int(n));
  }
  long double approximate(uint64_t halves) const {
    return std::pow((long double)(halves) / 2, (long double)(n));
  }

  double n;
  bool isExact;
};
} // namespace

llvm::StringRef PowerSpec::getInvalidReason() const {
  if (width < 2 || width > 16)
    return "must have 2 to 16 bits";
  if (!(exponent > 0) || !std::isfinite(exponent) ||
      !std::isfinite(1 / exponent))
    return "must have a finite exponent above 0";
  PowerOfHalves power(*this);
  if (power.roundToF64(1) == 0)
    return "rounds to 0 up to a number that f64 does not hold";
  double previous = 0;
  for (int64_t q = 1; q <= getLargestInteger(); ++q) {
    double value = power.roundToF32(2 * q);
    if (std::isinf(value))
      return "has values beyond f32";
    if (!(value > previous))
      return "has values that f32 does not tell apart";
    previous = value;
  }
  return {};
}

double PowerSpec::decode(uint64_t code) const {
  assert(code >> width == 0 && "bits above the width must be 0");
  bool negative = code >> (width - 1) != 0;
  uint64_t magnitude = negative ? (uint64_t(1) << width) - code : code;
  if (magnitude == 0)
    return 0;
  double value = PowerOfHalves(*this).roundToF32(2 * magnitude);
  return negative ? -value : value;
}

ValueTable PowerSpec::getTable() const {
  assert(getInvalidReason().empty() && "not a format");
  PowerOfHalves power(*this);
  int64_t largest = getLargestInteger();
  uint64_t mask = (uint64_t(1) << width) - 1;
  auto getThreshold = [&](int64_t q) -> ValueTable::Threshold {
    // Between q and q + 1.
    ValueTable::Threshold threshold =
        power.getThreshold(q >= 0 ? 2 * q + 1 : -2 * q - 1);
    if (q < 0)
      return {-threshold.value, -threshold.rest};
    return threshold;
  };
  ValueTable::Definition definition;
  for (int64_t q = -largest; q <= largest; ++q) {
    definition.values.push_back(decode(uint64_t(q) & mask));
    definition.codes.push_back(uint64_t(q) & mask);
    if (q < largest)
      definition.thresholds.push_back(getThreshold(q));
  }
  double outside = power.roundToF64(2 * (largest + 1));
  definition.above = ValueTable::Outside{outside, getThreshold(largest)};
  definition.below = ValueTable::Outside{-outside, getThreshold(-largest - 1)};
  return ValueTable(std::move(definition));
}
