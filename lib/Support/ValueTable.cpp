//===- ValueTable.cpp - Rounding to a finite set of reals -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/ValueTable.h"
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

using namespace mlir::qfmt;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

//===----------------------------------------------------------------------===//
// Thresholds
//===----------------------------------------------------------------------===//

/// (a + b) / 2 exactly: the sum is split into its rounding and the error, which
/// is a double as well (Knuth's TwoSum; nothing underflows or overflows, the
/// operands being exact in f32 or near it). The halves are exact.
static ValueTable::Threshold getMidpoint(double a, double b) {
  double sum = a + b;
  double fromB = sum - a;
  double rest = (a - (sum - fromB)) + (b - fromB);
  return {sum / 2, rest / 2};
}

static int compare(const ExactReal &a, const ExactReal &b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

/// The sign of value - threshold.
static int compare(const ExactReal &value, ValueTable::Threshold threshold) {
  ExactReal head = ExactReal::fromDouble(threshold.value);
  int order = compare(value, head);
  // On the far side of the head, or exactly at a threshold without rest.
  if (threshold.rest == 0 || order == 0 || (order > 0) != (threshold.rest > 0))
    return order != 0 ? order : (threshold.rest < 0) - (threshold.rest > 0);
  // Beyond the next f64 the rest, of less than one unit, does not matter.
  double next = std::nextafter(threshold.value,
                               threshold.rest > 0 ? kInfinity : -kInfinity);
  if (compare(value, ExactReal::fromDouble(next)) != -order)
    return order;
  return compare(value - head, ExactReal::fromDouble(threshold.rest));
}

/// Exact sums with an f64 of nearly the same value need a bit or two of room.
static ExactReal cutMantissa(const ExactReal &value) {
  if (!value.isFinite() || value.getMantissaBits() <= 126)
    return value;
  return value.roundToPrecision(126, -(1 << 20), RoundingMode::TowardZero);
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

/// The rule of the header for codes of equal parity is that of HalfTowardZero.
static bool isEvenUpper(uint64_t lowerCode, uint64_t upperCode,
                        ValueTable::Threshold threshold) {
  if (lowerCode % 2 != upperCode % 2)
    return upperCode % 2 == 0;
  return threshold.value < 0;
}

/// One more value at the distance of the last gap.
static ValueTable::Outside continueTable(double end, double neighbor) {
  double outside = end + (end - neighbor);
  return {outside, getMidpoint(end, outside)};
}

ValueTable::ValueTable(Definition definition)
    : values(std::move(definition.values)), codes(std::move(definition.codes)),
      thresholds(std::move(definition.thresholds)),
      evenIsUpper(std::move(definition.evenIsUpper)) {
  assert(!values.empty() && "a table has values");
  size_t count = values.size();
  if (codes.empty())
    for (size_t i = 0; i < count; ++i)
      codes.push_back(i);
  if (thresholds.empty())
    for (size_t i = 0; i + 1 < count; ++i)
      thresholds.push_back(getMidpoint(values[i], values[i + 1]));
  assert(codes.size() == count && thresholds.size() + 1 == count);
  if (evenIsUpper.empty())
    for (size_t i = 0; i + 1 < count; ++i)
      evenIsUpper.push_back(isEvenUpper(codes[i], codes[i + 1], thresholds[i]));
  assert(evenIsUpper.size() + 1 == count);

  codeToIndex.assign(*std::max_element(codes.begin(), codes.end()) + 1, 0);
  for (size_t i = 0; i < count; ++i) {
    assert(double(float(values[i])) == values[i] && "not exact in f32");
    assert(!(values[i] == 0 && std::signbit(values[i])) && "zero is +0");
    assert((i == 0 || (values[i - 1] < thresholds[i - 1].value &&
                       thresholds[i - 1].value < values[i])) &&
           "values and thresholds ascend");
    assert(codeToIndex[codes[i]] == 0 && "codes are distinct");
    codeToIndex[codes[i]] = i + 1;
  }

  double first = values.front(), last = values.back();
  below = definition.below.value_or(
      continueTable(first, count > 1 ? values[1] : first + 1));
  above = definition.above.value_or(
      continueTable(last, count > 1 ? values[count - 2] : last - 1));
  zeroIndex = 0;
  for (size_t i = 1; i < count; ++i)
    if (std::fabs(values[i]) <= std::fabs(values[zeroIndex]))
      zeroIndex = i;
  lowestSymmetricIndex =
      std::lower_bound(values.begin(), values.end(), -std::fabs(last)) -
      values.begin();
  // No value that is not negative is ever out of symmetry.
  if (last < 0)
    lowestSymmetricIndex = 0;
}

std::optional<double> ValueTable::decode(uint64_t code) const {
  if (code >= codeToIndex.size() || codeToIndex[code] == 0)
    return std::nullopt;
  return values[codeToIndex[code] - 1];
}

//===----------------------------------------------------------------------===//
// Gaps between neighbours
//===----------------------------------------------------------------------===//

ValueTable::Gap ValueTable::getGap(size_t lowerIndex) const {
  return {values[lowerIndex], values[lowerIndex + 1], thresholds[lowerIndex],
          evenIsUpper[lowerIndex]};
}

ValueTable::Gap ValueTable::getGapBelow() const {
  bool outsideWins = below.winsEvenTie.value_or(codes.front() % 2 != 0);
  return {below.value, values.front(), below.threshold, !outsideWins};
}

ValueTable::Gap ValueTable::getGapAbove() const {
  bool outsideWins = above.winsEvenTie.value_or(codes.back() % 2 != 0);
  return {values.back(), above.value, above.threshold, outsideWins};
}

bool ValueTable::tieGoesUp(const Gap &gap, RoundingMode rounding) {
  double at = gap.threshold.value;
  switch (rounding) {
  case RoundingMode::HalfEven:
    return gap.evenIsUpper;
  case RoundingMode::HalfUp:
    return true;
  case RoundingMode::HalfDown:
    return false;
  case RoundingMode::HalfAway:
    return at >= 0;
  case RoundingMode::HalfTowardZero:
  case RoundingMode::TowardZero: // Zero lies inside the gap.
    return at < 0;
  case RoundingMode::Floor:
  case RoundingMode::Ceil:
    break;
  }
  return rounding == RoundingMode::Ceil;
}

/// Where a directed mode goes inside a gap; none where the threshold decides.
static std::optional<bool> getDirection(double lower, double upper,
                                        RoundingMode rounding) {
  switch (rounding) {
  case RoundingMode::Floor:
    return false;
  case RoundingMode::Ceil:
    return true;
  case RoundingMode::TowardZero:
    if (lower >= 0)
      return false;
    if (upper <= 0)
      return true;
    return std::nullopt;
  case RoundingMode::HalfEven:
  case RoundingMode::HalfAway:
  case RoundingMode::HalfUp:
  case RoundingMode::HalfDown:
  case RoundingMode::HalfTowardZero:
    return std::nullopt;
  }
  return std::nullopt;
}

bool ValueTable::roundsUp(const Gap &gap, const ExactReal &value,
                          RoundingMode rounding) {
  if (value == ExactReal::fromDouble(gap.lower))
    return false;
  if (value >= ExactReal::fromDouble(gap.upper))
    return true;
  if (std::optional<bool> up = getDirection(gap.lower, gap.upper, rounding))
    return *up;
  int order = compare(value, gap.threshold);
  return order != 0 ? order > 0 : tieGoesUp(gap, rounding);
}

//===----------------------------------------------------------------------===//
// Encoding
//===----------------------------------------------------------------------===//

bool ValueTable::overflows(const ExactReal &exact,
                           RoundingMode rounding) const {
  ExactReal value = cutMantissa(exact);
  if (value > ExactReal::fromDouble(values.back()))
    return roundsUp(getGapAbove(), value, rounding);
  if (value < ExactReal::fromDouble(values.front()))
    return value <= ExactReal::fromDouble(below.value) ||
           !roundsUp(getGapBelow(), value, rounding);
  return false;
}

size_t ValueTable::encodeIndex(const ExactReal &exact, RoundingMode rounding,
                               OverflowMode overflow) const {
  if (exact.isNaN())
    return zeroIndex;
  if (overflow == OverflowMode::Zero && hasZero() && overflows(exact, rounding))
    return zeroIndex;
  ExactReal value = cutMantissa(exact);
  auto isBelow = [](const ExactReal &x, double y) {
    return x < ExactReal::fromDouble(y);
  };
  // The values <= value; beyond the ends the first or the last one.
  size_t count =
      std::upper_bound(values.begin(), values.end(), value, isBelow) -
      values.begin();
  size_t index = count == 0 ? 0 : count - 1;
  if (count > 0 && count < values.size() &&
      roundsUp(getGap(index), value, rounding))
    ++index;
  if (overflow == OverflowMode::SaturateSymmetric)
    return std::max(index, lowestSymmetricIndex);
  return index;
}

//===----------------------------------------------------------------------===//
// Boundaries
//===----------------------------------------------------------------------===//

/// The smallest number of the type above x; x is one of the type.
static double getNext(double x, ValueTable::Input input) {
  double next = input == ValueTable::Input::F32
                    ? double(std::nextafterf(float(x), HUGE_VALF))
                    : std::nextafter(x, kInfinity);
  return next + 0.0; // -0 becomes +0.
}

/// The smallest number of the type that is >= x.
static double roundUp(double x, ValueTable::Input input) {
  if (input == ValueTable::Input::F64)
    return x;
  return ExactReal::fromDouble(x)
             .roundTo(BinaryFormat::f32(), RoundingMode::Ceil)
             .roundToDouble() +
         0.0;
}

/// The smallest number of the type that is > x.
static double roundPast(double x, ValueTable::Input input) {
  double up = roundUp(x, input);
  return up > x ? up : getNext(x, input);
}

double ValueTable::getBoundary(const Gap &gap, RoundingMode rounding,
                               Input input) {
  if (std::optional<bool> up = getDirection(gap.lower, gap.upper, rounding))
    return *up ? roundPast(gap.lower, input) : roundUp(gap.upper, input);
  // No number of either type lies strictly between the head of a threshold and
  // the threshold itself: the rest is at most half a unit of an f64.
  double head = gap.threshold.value, rest = gap.threshold.rest;
  bool headGoesUp = rest != 0 ? rest < 0 : tieGoesUp(gap, rounding);
  return headGoesUp ? roundUp(head, input) : roundPast(head, input);
}

std::vector<double> ValueTable::getStepBoundaries(RoundingMode rounding,
                                                  Input input) const {
  std::vector<double> boundaries;
  for (size_t i = 0; i + 1 < values.size(); ++i)
    boundaries.push_back(getBoundary(getGap(i), rounding, input));
  return boundaries;
}

ValueTable::OverflowLimits ValueTable::getOverflowLimits(RoundingMode rounding,
                                                         Input input) const {
  // All that lies beyond the value outside overflows; between it and the end of
  // the table the gap decides.
  return {getBoundary(getGapBelow(), rounding, input),
          getBoundary(getGapAbove(), rounding, input)};
}
