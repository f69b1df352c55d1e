// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What passes that approximate act on.

#ifndef QFMT_TRANSFORMS_SCOPE_H
#define QFMT_TRANSFORMS_SCOPE_H

namespace mlir::qfmt {

/// Of qfmt-lmul.
enum class LMulScope {
  /// Products of inputs that a linalg operation sums.
  Contractions,
  /// Every arith.mulf.
  All,
  /// Those that carry the attribute qfmt.lmul, or whose linalg operation does.
  Marked
};

/// Of qfmt-simulate-precision.
enum class PrecisionScope {
  /// The factors of products that a linalg operation sums.
  Contractions,
  /// Arguments, constants and results of every operation on tensors.
  All
};

} // namespace mlir::qfmt

#endif // QFMT_TRANSFORMS_SCOPE_H
