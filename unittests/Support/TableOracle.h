//===- TableOracle.h - Encoding by table search -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A second definition of decode and encode, written without the code under
// test: values come from LLVM's APFloat or from the textbook formula, and a
// value is encoded by searching the sorted table of all codes and comparing
// with exact midpoints. Slow; for tests only.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_UNITTESTS_SUPPORT_TABLEORACLE_H
#define QFMT_UNITTESTS_SUPPORT_TABLEORACLE_H

#include "NumberFormats.h"

namespace mlir::qfmt::test {

class TableOracle {
public:
  explicit TableOracle(const NumberFormat &format);

  double decode(uint64_t code) const { return values[code]; }
  uint64_t encode(double value, RoundingMode rounding, OverflowMode overflow,
                  NaNMode nan) const;

  /// Distinct finite values, ascending; the neighbour that the format would
  /// have with one more code at either end is not included.
  const std::vector<double> &getSortedValues() const { return sorted; }
  /// The neighbours just outside the range.
  double getAbove() const { return above; }
  double getBelow() const { return below; }

private:
  struct Choice {
    double value;
    bool outside;
  };
  Choice choose(double value, RoundingMode rounding) const;
  bool isEven(double value) const;
  uint64_t encodeSymmetricLowest() const;
  uint64_t wrap(double value, RoundingMode rounding) const;
  uint64_t findCode(double value) const;

  NumberFormat format;
  bool hasMantissa;
  /// By code.
  std::vector<double> values;
  std::vector<double> sorted;
  /// Codes of `sorted`; +0 for zero.
  std::vector<uint64_t> codes;
  double above, below;
  std::optional<uint64_t> negativeZero, nanCode, positiveInfinity,
      negativeInfinity;
};

} // namespace mlir::qfmt::test

#endif // QFMT_UNITTESTS_SUPPORT_TABLEORACLE_H
