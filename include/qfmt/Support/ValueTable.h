//===- ValueTable.h - Rounding to a finite set of reals ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The values of a codebook, of a power or a K-hot format: not multiples of any
// unit, so what rounding means is defined on the sorted values themselves. Two
// neighbours a < b have a threshold between them, their exact midpoint unless
// the table has another; x in (a, b) is compared with it.
//
//   nearest modes    a below the threshold, b above it; at it
//     HalfUp, HalfDown          b, a
//     HalfAway, HalfTowardZero  by the sign of the threshold; at 0: b, a
//     HalfEven                  the one with the even code; if the codes have
//                               the same parity, as HalfTowardZero
//   Floor, Ceil      a, b
//   TowardZero       by the sign of x; where 0 lies strictly between a and b,
//                    neither is "towards zero": as HalfTowardZero
//
// Every mode is monotone, so with saturation the index of the value that x
// becomes is the number of boundaries <= x: see getStepBoundaries.
//
// Beyond either end the table is thought to go on with one more value, at the
// distance of the last gap unless the table has another: what rounds to it or
// lies beyond it overflows. Saturate, Wrap and Infinity (tables have none) give
// the value at the end; SaturateSymmetric gives no value below -largest (but
// its neighbour above); Zero gives 0, or saturates if the table has no 0. NaN
// becomes the value nearest to 0 (the positive one of two).
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_VALUETABLE_H
#define QFMT_SUPPORT_VALUETABLE_H

#include "qfmt/Support/ExactReal.h"
#include "qfmt/Support/IntegerGrid.h"
#include "qfmt/Support/Rounding.h"
#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <optional>
#include <vector>

namespace mlir::qfmt {

class ValueTable {
public:
  /// The real value + rest. `rest` is 0, or nonzero where the real is no f64;
  /// it is at most half a unit in the last place of `value`. Exact for the sum
  /// of two f32; elsewhere only the sign of `rest` need be right, which decides
  /// exactly for every x that is an f64.
  struct Threshold {
    double value;
    double rest = 0;
  };

  /// The value that would follow beyond an end, and the threshold to it.
  struct Outside {
    double value;
    Threshold threshold;
    /// Whether a HalfEven tie goes to it, and so overflows; default: if the
    /// code at the end is odd.
    std::optional<bool> winsEvenTie = std::nullopt;
  };

  struct Definition {
    /// At least one value, strictly ascending, each exact in f32, no -0.
    std::vector<double> values;
    /// Distinct; empty: the indices.
    std::vector<uint64_t> codes;
    /// One fewer than values, each strictly between its neighbours; empty: the
    /// exact midpoints.
    std::vector<Threshold> thresholds;
    /// Whether a HalfEven tie at a threshold goes to the upper neighbour; one
    /// fewer than values; empty: by the rule above.
    std::vector<bool> evenIsUpper;
    /// Default: the distance of the last gap (1 for a single value), rounded to
    /// f64, and the midpoint.
    std::optional<Outside> below, above;
  };

  /// Asserts what Definition states.
  explicit ValueTable(Definition definition);

  size_t size() const { return values.size(); }
  double getValue(size_t index) const { return values[index]; }
  uint64_t getCode(size_t index) const { return codes[index]; }
  /// Ascending.
  llvm::ArrayRef<double> getValues() const { return values; }
  /// By index of the value.
  llvm::ArrayRef<uint64_t> getCodes() const { return codes; }
  double getLowest() const { return values.front(); }
  double getLargest() const { return values.back(); }
  /// The largest code + 1: the size of a table of values by code.
  uint64_t getCodeBound() const { return codeToIndex.size(); }

  /// The value of a code, none if no value has the code.
  std::optional<double> decode(uint64_t code) const;

  /// The index of the value that `value` becomes, by the rules above. Exact for
  /// every value of at most 126 significant bits; longer ones are cut.
  size_t encodeIndex(const ExactReal &value,
                     RoundingMode rounding = RoundingMode::HalfEven,
                     OverflowMode overflow = OverflowMode::Saturate) const;
  uint64_t encode(const ExactReal &value,
                  RoundingMode rounding = RoundingMode::HalfEven,
                  OverflowMode overflow = OverflowMode::Saturate,
                  NaNMode nan = NaNMode::Zero) const {
    return codes[encodeIndex(value, rounding, overflow)];
  }
  uint64_t encode(double value, RoundingMode rounding = RoundingMode::HalfEven,
                  OverflowMode overflow = OverflowMode::Saturate,
                  NaNMode nan = NaNMode::Zero) const {
    return encode(ExactReal::fromDouble(value), rounding, overflow, nan);
  }

  /// True if a value that is not NaN lies beyond an end and does not round to
  /// the value there, so that `overflow` decides.
  bool overflows(const ExactReal &value, RoundingMode rounding) const;

  /// The index of the value nearest to 0: what NaN becomes. The index of 0 if
  /// the table has it.
  size_t getZeroIndex() const { return zeroIndex; }
  bool hasZero() const { return values[zeroIndex] == 0; }
  /// The lowest index that SaturateSymmetric gives: the first value >=
  /// -largest; 0 if all values are >= 0.
  size_t getLowestSymmetricIndex() const { return lowestSymmetricIndex; }

  /// The types whose numbers are compared with boundaries.
  enum class Input { F32, F64 };

  /// size() - 1 numbers of the type, ascending: boundary i is the smallest that
  /// becomes the value i + 1 or a higher one. For every x of the type but NaN
  /// (infinities included)
  ///   encodeIndex(x, rounding, Saturate) == number of boundaries <= x.
  std::vector<double> getStepBoundaries(RoundingMode rounding,
                                        Input input) const;

  /// What overflows: the numbers of the type >= above and those < below.
  /// `above` is infinity if no finite number overflows, `below` -infinity
  /// likewise (infinite inputs always overflow).
  struct OverflowLimits {
    double below, above;
  };
  OverflowLimits getOverflowLimits(RoundingMode rounding, Input input) const;

  /// The grid of all values, none if there is none of at most
  /// IntegerGrid::kMaxBits bits.
  std::optional<IntegerGrid> getIntegerGrid() const {
    return computeIntegerGrid(values);
  }

private:
  /// Two neighbours and what decides between them.
  struct Gap {
    double lower, upper;
    Threshold threshold;
    bool evenIsUpper;
  };
  Gap getGap(size_t lowerIndex) const;
  Gap getGapBelow() const;
  Gap getGapAbove() const;
  static bool roundsUp(const Gap &gap, const ExactReal &value,
                       RoundingMode rounding);
  static bool tieGoesUp(const Gap &gap, RoundingMode rounding);
  static double getBoundary(const Gap &gap, RoundingMode rounding, Input input);

  std::vector<double> values;
  std::vector<uint64_t> codes;
  std::vector<Threshold> thresholds;
  std::vector<bool> evenIsUpper;
  Outside below, above;
  /// By code: index + 1, 0 where no value has the code.
  std::vector<uint32_t> codeToIndex;
  size_t zeroIndex, lowestSymmetricIndex;
};

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_VALUETABLE_H
