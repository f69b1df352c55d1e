//===- Plan.h - What qfmt-quantize is told ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The options of the pass, checked.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_QUANTIZE_PLAN_H
#define QFMT_LIB_TRANSFORMS_QUANTIZE_PLAN_H

#include "../CalibratedRange.h"
#include "../FormatChoice.h"
#include <optional>

namespace mlir::qfmt {

struct Plan {
  /// Of layers (contractions with constant weights) without formats of their
  /// own.
  FormatChoice layers;
  /// Of what others read, too; null: it stays real. Not given: as the
  /// activations of layers.
  std::optional<NumberFormat> wideActivations;
  Calibration calibration;
  /// Of the arguments of public functions; null: as other activations.
  ScaledAttr input;

  /// The format of tensors that not only layers read; null: they stay reals.
  NumberFormat getSharedFormat() const {
    return wideActivations.value_or(layers.activations.number);
  }
};

/// The options as they are written.
struct PlanText {
  StringRef weights;
  StringRef activations;
  StringRef wideActivations;
  StringRef calibration;
  double percentile;
  StringRef inputFormat;
};

/// Fails with a diagnostic at `loc` that names the option and what it takes.
FailureOr<Plan> parsePlan(const PlanText &text, Location loc);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_QUANTIZE_PLAN_H
