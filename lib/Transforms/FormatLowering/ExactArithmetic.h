// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums and quotients in f64 that stand for the exact ones in a later rounding
// to a narrower format.
//
// Rounding to odd keeps an exact number and gives any other the neighbour whose
// last bit is set. So the result is on the same side as the exact number of
// everything that has fewer bits, and rounding it to at most 51 bits, in
// whatever mode, is rounding the exact number.

#ifndef QFMT_LIB_TRANSFORMS_FORMATLOWERING_EXACTARITHMETIC_H
#define QFMT_LIB_TRANSFORMS_FORMATLOWERING_EXACTARITHMETIC_H

#include "qfmt/Conversion/ScalarOps.h"
#include "qfmt/Transforms/FormatLowering.h"

namespace mlir::qfmt {

/// How an f64 division must be made for a later rounding.
enum class Quotient {
  /// Rounded half to even, as the hardware does it.
  Nearest,
  /// As `Nearest`, or next to it where that serves as well: by the reciprocal
  /// of the scale, which a block of elements shares.
  ByReciprocal,
  /// As `Nearest`, of a scale that is a power of two, by its reciprocal.
  ByPower,
  /// To odd.
  ToOdd,
  /// Not at all: f64 is too narrow.
  Impossible
};

/// What x / s takes if it is then rounded to `precision` bits as `modes` say.
Quotient chooseQuotient(unsigned precision, const ExactRange &x,
                        const ExactRange &scale, const EncodeModes &modes);

/// True if `ByReciprocal` does for what `Nearest` is chosen.
bool allowsReciprocal(unsigned precision, const ExactRange &x,
                      const ExactRange &scale);

/// True if the scale is a power of two whose reciprocal `type` holds, too.
bool isInvertiblePower(const ExactRange &scale, FloatType type);

/// What `ByReciprocal` takes the place of s.
struct Reciprocal {
  /// Next to 1 / s, and what is missing.
  Value nearest, rest;
};

/// Of an f64.
Reciprocal emitReciprocal(ScalarBuilder &b, Value s);
Value emitQuotient(ScalarBuilder &b, Value x, const Reciprocal &s);

/// x / s, both f64; `Nearest` and `ByPower` of any type.
Value emitQuotient(ScalarBuilder &b, Value x, Value s, Quotient quotient);

/// x * y, f64, rounded to odd; no product may be so small that the error of
/// its rounding underflows.
Value emitProductToOdd(ScalarBuilder &b, Value x, Value y);

/// x + y, f64 and neither negative, rounded to odd.
Value emitSumToOdd(ScalarBuilder &b, Value x, Value y);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_FORMATLOWERING_EXACTARITHMETIC_H
