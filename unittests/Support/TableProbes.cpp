//===- TableProbes.cpp - Where tables of values go wrong ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "TableProbes.h"
#include "NumberFormats.h"
#include "llvm/ADT/APFloat.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>

using namespace mlir::qfmt;
using namespace mlir::qfmt::test;
using llvm::APFloat;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> mlir::qfmt::test::getProbes(const ValueTable &table) {
  std::vector<double> probes = {-kInfinity, kInfinity, -0.0,        0.0,  1e300,
                                -1e300,     5e-324,    -5e-324,     1e30, -1e30,
                                0x1p-149,   -0x1p-149, std::nan("")};
  std::vector<double> centers = table.getValues().vec();
  size_t count = centers.size();
  double below = count > 1 ? 2 * centers[0] - centers[1] : centers[0] - 1;
  double above =
      count > 1 ? 2 * centers[count - 1] - centers[count - 2] : centers[0] + 1;
  centers.insert(centers.begin(), below);
  centers.push_back(above);
  for (size_t i = 0; i + 1 < count + 2; ++i)
    centers.push_back(centers[i] + (centers[i + 1] - centers[i]) / 2);
  for (double center : centers)
    for (double direction : {kInfinity, -kInfinity}) {
      probes.push_back(center);
      probes.push_back(std::nextafter(center, direction));
      probes.push_back(
          double(std::nextafterf(float(center), float(direction))));
    }
  return probes;
}

/// The sign of (x - low) - (high - x) = 2 x - low - high, in a format of 700
/// bits, enough for every f64 here: two doubles of the range of f32, and x
/// between them.
static int compareDistances(double x, double low, double high) {
  // Multiples of 2^-1074 below 2^130, as integers.
  auto toInteger = [](double value) {
    ExactReal real = ExactReal::fromDouble(value);
    llvm::APInt result(1300, uint64_t(real.getMantissa()));
    result <<= unsigned(real.getExponent() + 1074);
    return value < 0 ? -result : result;
  };
  llvm::APInt difference =
      toInteger(x) + toInteger(x) - toInteger(low) - toInteger(high);
  return difference.isZero() ? 0 : difference.isNegative() ? -1 : 1;
}

/// The index by the definition, for x within the table.
static size_t encodeByDistance(const ValueTable &table, double x,
                               RoundingMode mode) {
  llvm::ArrayRef<double> values = table.getValues();
  size_t low =
      std::upper_bound(values.begin(), values.end(), x) - values.begin() - 1;
  if (table.getValue(low) == x)
    return low;
  size_t high = low + 1;
  double lowValue = table.getValue(low), highValue = table.getValue(high);
  bool straddlesZero = lowValue < 0 && highValue > 0;
  if (mode == RoundingMode::Floor)
    return low;
  if (mode == RoundingMode::Ceil)
    return high;
  if (mode == RoundingMode::TowardZero && !straddlesZero)
    return std::fabs(lowValue) < std::fabs(highValue) ? low : high;
  int side = compareDistances(x, lowValue, highValue);
  if (side != 0)
    return side < 0 ? low : high;
  size_t toZero = x < 0 ? high : low, away = x < 0 ? low : high;
  switch (mode) {
  case RoundingMode::HalfUp:
    return high;
  case RoundingMode::HalfDown:
    return low;
  case RoundingMode::HalfAway:
    return away;
  case RoundingMode::HalfEven:
    if (table.getCode(low) % 2 != table.getCode(high) % 2)
      return table.getCode(low) % 2 == 0 ? low : high;
    return toZero;
  default:
    return toZero;
  }
}

void mlir::qfmt::test::checkTable(const ValueTable &table,
                                  bool hasOwnEvenTies) {
  for (double probe : getProbes(table)) {
    if (!(probe >= table.getLowest() && probe <= table.getLargest()))
      continue;
    for (RoundingMode mode : kRoundingModes) {
      if (mode == RoundingMode::HalfEven && hasOwnEvenTies)
        continue;
      for (OverflowMode overflow : {OverflowMode::Saturate, OverflowMode::Zero})
        ASSERT_EQ(
            table.encodeIndex(ExactReal::fromDouble(probe), mode, overflow),
            encodeByDistance(table, probe, mode))
            << probe << " mode " << int(mode);
    }
  }
  ASSERT_NO_FATAL_FAILURE(checkBoundaries(table));
}

void mlir::qfmt::test::checkBoundaries(const ValueTable &table) {
  using Input = ValueTable::Input;
  std::vector<double> probes = getProbes(table);
  for (RoundingMode mode : kRoundingModes)
    for (Input input : {Input::F32, Input::F64}) {
      std::vector<double> boundaries = table.getStepBoundaries(mode, input);
      ValueTable::OverflowLimits limits = table.getOverflowLimits(mode, input);
      ASSERT_EQ(boundaries.size() + 1, table.size());
      ASSERT_TRUE(std::is_sorted(boundaries.begin(), boundaries.end()));
      // The boundaries themselves and the numbers before them tell most.
      std::vector<double> all = probes;
      for (double x : boundaries) {
        all.push_back(x);
        all.push_back(input == Input::F32
                          ? double(std::nextafterf(float(x), -HUGE_VALF))
                          : std::nextafter(x, -kInfinity));
      }
      for (double x : all) {
        if (std::isnan(x))
          continue;
        if (input == Input::F32)
          x = double(float(x));
        size_t count =
            std::upper_bound(boundaries.begin(), boundaries.end(), x) -
            boundaries.begin();
        ExactReal exact = ExactReal::fromDouble(x);
        ASSERT_EQ(count, table.encodeIndex(exact, mode))
            << x << " mode " << int(mode) << " f64 " << (input == Input::F64);
        bool overflows = x >= limits.above || x < limits.below;
        ASSERT_EQ(overflows, table.overflows(exact, mode))
            << x << " mode " << int(mode);
        size_t expected =
            overflows && table.hasZero() ? table.getZeroIndex() : count;
        ASSERT_EQ(table.encodeIndex(exact, mode, OverflowMode::Zero), expected);
        ASSERT_EQ(
            table.encodeIndex(exact, mode, OverflowMode::SaturateSymmetric),
            std::max(count, table.getLowestSymmetricIndex()));
      }
    }
}
