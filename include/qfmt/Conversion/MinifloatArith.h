//===- MinifloatArith.h - Codes of floats in integer arithmetic -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MinifloatSpec::decode and encode as arithmetic on the bits of f32 and f64, of
// scalars or of vectors. No arith.extf or truncf is used for formats below f32:
// most have no lowering on a CPU, and those of f16 and bf16 are library calls
// on many.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_CONVERSION_MINIFLOATARITH_H
#define QFMT_CONVERSION_MINIFLOATARITH_H

#include "qfmt/Conversion/ScalarOps.h"
#include "qfmt/Support/Minifloat.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::qfmt {

/// f32 laid out as the specs are. Outside of what a spec may describe, but its
/// fields and codes follow the same formulas.
constexpr MinifloatSpec getF32Spec() {
  return {8, 23, 127, true, MinifloatSpec::Specials::IEEE};
}

/// The value, in f32, of a code: an integer of the format's width, or a float.
Value emitMinifloatDecode(ScalarBuilder &b, const MinifloatSpec &spec,
                          Value code);

/// How a real becomes a code.
struct MinifloatEncoding {
  RoundingMode rounding = RoundingMode::HalfEven;
  OverflowMode overflow = OverflowMode::Infinity;
  /// The code of a number, with these modes: it tells what becomes of overflow,
  /// of infinities and of NaN.
  llvm::function_ref<uint64_t(const ExactReal &)> getCode;
};

/// The code, an integer of the format's width, of a real in f32 or f64. The
/// spec has subnormals and no `negativeZero`.
Value emitMinifloatEncode(ScalarBuilder &b, const MinifloatSpec &spec,
                          Value real, const MinifloatEncoding &encoding);

} // namespace mlir::qfmt

#endif // QFMT_CONVERSION_MINIFLOATARITH_H
