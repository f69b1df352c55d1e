//===- SmallFloat.h - Floats of at most 19 bits -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decoding is exact, encoding rounds once, to nearest even unless said
// otherwise.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_SMALLFLOAT_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_SMALLFLOAT_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace mlir::qfmt::sim {

struct SmallFloat {
  llvm::StringLiteral name;
  unsigned exponentBits, mantissaBits;
  /// Whether the last exponent holds infinities and NaNs (IEEE), one NaN only
  /// (e4m3), or numbers.
  enum Specials { Ieee, OneNan, None } specials;

  unsigned width() const { return 1 + exponentBits + mantissaBits; }
  int bias() const { return (1 << (exponentBits - 1)) - 1; }
  float decode(uint32_t code) const;
  /// The code of the largest finite number.
  uint32_t maxCode() const;
  uint32_t nanCode() const;
  /// `saturates`: too large numbers and infinities become the largest finite
  /// one. `towardZero`: rounded so.
  uint32_t encode(double value, bool saturates = false,
                  bool towardZero = false) const;
};

extern const SmallFloat kF16, kBF16, kTF32, kE4M3, kE5M2, kE2M1, kE2M3, kE3M2;

/// By the name that PTX has for it, or null.
const SmallFloat *findSmallFloat(llvm::StringRef name);

/// 2^(code - 127), and its inverse rounded up or toward zero.
float decodeUE8M0(uint32_t code);
uint32_t encodeUE8M0(float value, bool roundsUp, bool saturates);

/// a * b + c, rounded to odd in double: a further rounding to at most 51 bits
/// is then as if the only one.
double fusedToOdd(double a, double b, double c);

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_SMALLFLOAT_H
