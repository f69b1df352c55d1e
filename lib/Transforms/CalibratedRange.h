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

/// The scale with which the scale target of `format` stands for `threshold`:
/// threshold / target, rounded to f32; 1 where that is 0.
double getSymmetricScale(double threshold, NumberFormat format);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_CALIBRATEDRANGE_H
