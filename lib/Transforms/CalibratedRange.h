//===- CalibratedRange.h - From statistics to a range -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How large the values are that a number format has to reach, given what
// calibration saw.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_CALIBRATEDRANGE_H
#define QFMT_LIB_TRANSFORMS_CALIBRATEDRANGE_H

#include "qfmt/IR/QFmt.h"
#include <vector>

namespace mlir::qfmt {

struct Calibration {
  enum class Method {
    /// Every value seen is in range.
    MinMax,
    /// At least `percentile` percent of the values are in range.
    Percentile,
    /// The sum of squared rounding and clipping errors is least.
    MSE
  };
  Method method = Method::MinMax;
  /// 0 < percentile <= 100.
  double percentile = 100;
};

/// The magnitude a that the scale target of `format` (127 of i8, 448 of
/// f8E4M3FN) should stand for. At most the largest magnitude seen; 0 if only
/// zeros were seen.
double computeThreshold(StatisticsAttr statistics, NumberFormat format,
                        const Calibration &calibration);

/// About the sum of the squared errors of all values seen, where `format`, of
/// at most 16 bits, with this scale takes their place.
double computeSquaredError(StatisticsAttr statistics, NumberFormat format,
                           double scale);
/// About the sum of the squares of all values seen.
double computeEnergy(StatisticsAttr statistics);

/// `count` values that are distributed as those that were seen, as far as the
/// histogram tells; ascending.
std::vector<double> getQuantiles(StatisticsAttr statistics, size_t count);

/// The format for values of which none is negative: unsigned integers of the
/// same width for signed ones, of which half would be unused. Others stay.
NumberFormat getNonNegative(NumberFormat format);

/// The scale with which the scale target of `format` stands for `threshold`:
/// threshold / target, rounded to f32; 1 where that is 0.
double getSymmetricScale(double threshold, NumberFormat format);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_CALIBRATEDRANGE_H
