// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the options of qfmt-integerize say, and what it counts.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_INTEGERIZESETTINGS_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_INTEGERIZESETTINGS_H

#include "Requantization.h"

namespace mlir::qfmt {

/// Whose arithmetic functions have.
enum class FunctionKernels {
  /// Tables and polynomials, as accurate as `functionBits` allows.
  Minimax,
  /// That of I-BERT for the functions it has; Minimax for others.
  IBert
};

struct IntegerizeSettings {
  /// Width of accumulators that add up: 32 or 64, or 0 for 32 where the sum
  /// fits and 64 elsewhere.
  unsigned accumulatorBits = 0;
  /// Functions of codes of at most that many bits are tables.
  unsigned tableBits = 8;
  /// Significant bits of the largest value of a function, with its sign.
  unsigned functionBits = 24;
  /// The largest error of a function that is fitted, in units of the last of
  /// these bits; a finer fit is taken where there is one.
  double functionError = 4;
  /// Whose rule the requantization of results follows.
  Compat compat = Compat::None;
  FunctionKernels functions = FunctionKernels::Minimax;
};

/// What a rewrite counts.
struct IntegerizeCounts {
  unsigned rewritten = 0;
  unsigned rescales = 0;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_INTEGERIZESETTINGS_H
