// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The levels of the IR, in the order in which a network passes through them.

#ifndef QFMT_TRANSFORMS_LEVEL_H
#define QFMT_TRANSFORMS_LEVEL_H

namespace mlir::qfmt {

enum class Level {
  /// linalg, tensor, arith and math on floats.
  Real,
  /// `observe` ops carry what calibration saw.
  Observed,
  /// Encoded tensors; compute is linalg with encoded inputs.
  Encoded,
  /// Every computed scalar is an integer; encodings only at the borders.
  Integer,
  /// No encoded type is left.
  Constituents
};

} // namespace mlir::qfmt

#endif // QFMT_TRANSFORMS_LEVEL_H
