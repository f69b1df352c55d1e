//===- DataErrors.h - What quantization does to data ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding errors of the data that a layer reads, from the histograms of its
// observers. Number formats have the scale that qfmt-quantize finds with
// calibration=minmax. What block formats do is found by quantizing tensors of
// independent values that are distributed as the histogram says: values of real
// blocks have more in common, so errors of real data are somewhat smaller.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_DATAERRORS_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_DATAERRORS_H

#include "../CalibratedRange.h"
#include "../Layers.h"
#include "WeightErrors.h"

namespace mlir::qfmt {

class DataErrors {
public:
  /// Whether all observers of the layer's data have statistics, and the data a
  /// static shape.
  static bool hasStatistics(const Layer &layer);

  /// Mean squared error of the layer's data in the format, relative to the mean
  /// of its squares; 0 for f32. For data that has statistics. Fails with a
  /// diagnostic if the format cannot be compiled.
  FailureOr<double> getNoiseRatio(const Layer &layer,
                                  const OperandFormat &format);

private:
  /// The sum of the squared errors of all values seen.
  FailureOr<double> getBlockError(const Layer &layer, StatisticsAttr statistics,
                                  const OperandEncoding &encoding);

  WeightErrors roundTrips;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_DATAERRORS_H
