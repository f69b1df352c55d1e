// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_TRANSFORMS_DAMAGEMEASURE_H
#define QFMT_TRANSFORMS_DAMAGEMEASURE_H

namespace mlir::qfmt {

/// By what qfmt-assign-formats judges a format of a layer.
enum class DamageMeasure {
  /// What the attribute `qfmt.candidates` says.
  Given,
  /// ||W - Q(W)||^2.
  Weights,
  /// Traces from a file times ||W - Q(W)||^2.
  Traces,
  /// Squared errors of results, by second moments of data from a file.
  Moments,
  /// Numbers from a file.
  Measured
};

} // namespace mlir::qfmt

#endif // QFMT_TRANSFORMS_DAMAGEMEASURE_H
