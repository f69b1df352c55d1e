//===- FormatFamily.h - One spelling for several formats --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Candidates for weights or data of n bits, of which a layer gets the best one:
//
//   float<n>   !qfmt.float<E, n - 1 - E>, E = 1 ... min(n - 1, 5): exponent
//              against mantissa (LLM-FP4; low-bit floats for diffusion models)
//   power<n>   !qfmt.power<n, a>, a = 0.25, 0.3, ... 0.95, and a = 1, which is
//              !qfmt.int (PowerQuant, NUPES)
//   fixed<n>   #qfmt.scaled<!qfmt.fixed<n, I>>, without a scale: the binary
//              point (QFX). I from the least that reaches all values of every
//              tensor, down to three below the least such I of one tensor
//
// The first two have scales as number formats do; of weights a scale rule may
// follow, `float<4>:mse`: it is that of each member.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_FORMATFAMILY_H
#define QFMT_LIB_TRANSFORMS_FORMATFAMILY_H

#include "FormatChoice.h"

namespace mlir::qfmt {

/// True if `text` begins as a family does: `float<`, `power<` or `fixed<`.
bool isFormatFamily(StringRef text);

/// The integer bits I with which fixed point reaches the largest magnitude of a
/// tensor, the sign among them: the least and the largest one of several.
struct IntegerBits {
  int64_t least, largest;

  /// Counts a tensor with this largest magnitude, finite and above 0.
  static void include(std::optional<IntegerBits> &bits, double magnitude);
};

/// What the members of fixed<n> depend on; called for that alone. None if
/// everything is 0.
struct FamilyRanges {
  function_ref<std::optional<IntegerBits>()> weights;
  function_ref<std::optional<IntegerBits>()> activations;
};

/// A candidate: formats of weights times formats of data; one of each if it is
/// no family.
struct CandidateFamily {
  SmallVector<OperandFormat> weights;
  SmallVector<OperandFormat> activations;
};

/// Reads "W/A" or "F", where each may be a family. Fails as FormatChoice::parse
/// does, and if there is no such family.
FailureOr<CandidateFamily>
parseCandidateFamily(StringRef text, MLIRContext *context,
                     const FamilyRanges &ranges,
                     function_ref<InFlightDiagnostic()> emitError);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_FORMATFAMILY_H
