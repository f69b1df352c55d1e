//===- Plan.h - What qfmt-quantize is told ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The options of the pass, checked.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_QUANTIZE_PLAN_H
#define QFMT_LIB_TRANSFORMS_QUANTIZE_PLAN_H

#include "../CalibratedRange.h"

namespace mlir::qfmt {

struct Plan {
  NumberFormat weights;
  /// Of what contractions with constant weights read.
  NumberFormat activations;
  /// Of what others read, too; null: as activations.
  NumberFormat wideActivations;
  Calibration calibration;
  /// Of the arguments of public functions; null: as other activations.
  ScaledAttr input;
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
