// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes that are integers times a unit: iN, uiN, ranges of them, fixed point.

#ifndef QFMT_LIB_TRANSFORMS_FORMATLOWERING_UNIFORM_H
#define QFMT_LIB_TRANSFORMS_FORMATLOWERING_UNIFORM_H

#include "qfmt/Conversion/ScalarOps.h"
#include "qfmt/Support/Integer.h"
#include "qfmt/Transforms/FormatLowering.h"

namespace mlir::qfmt {

/// The code n, two's complement or a plain binary number, denotes n * 2^u.
struct UniformCodes {
  IntegerSpec spec;
  /// u; the unit is a number of f32.
  int unitExponent;

  /// None if the codes of `format` are no such integers.
  static std::optional<UniformCodes> get(NumberFormat format);

  ExactRange getExactRange() const;
  /// As NumberFormatLowering says.
  Value emitDecode(ScalarBuilder &b, Value code) const;
  Value emitEncode(ScalarBuilder &b, Value real, const EncodeModes &modes,
                   Value zeroPoint) const;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_FORMATLOWERING_UNIFORM_H
