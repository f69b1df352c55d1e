// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_CALIBRATION_WEIGHTROUNDINGMETHOD_H
#define QFMT_CALIBRATION_WEIGHTROUNDINGMETHOD_H

namespace mlir::qfmt {

/// How qfmt-round-weights chooses codes.
enum class WeightRoundingMethod {
  /// GPTQ, or nearest for rows where that loses less.
  Gptq,
  /// From there by coordinate descent.
  Learned
};

} // namespace mlir::qfmt

#endif // QFMT_CALIBRATION_WEIGHTROUNDINGMETHOD_H
