//===- NumberFormats.h - The formats the Support tests run over -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_UNITTESTS_SUPPORT_NUMBERFORMATS_H
#define QFMT_UNITTESTS_SUPPORT_NUMBERFORMATS_H

#include "qfmt/Support/Fixed.h"
#include "qfmt/Support/Integer.h"
#include "qfmt/Support/Minifloat.h"
#include "llvm/ADT/APFloat.h"
#include <string>
#include <variant>
#include <vector>

namespace mlir::qfmt::test {

/// A number format under its name: minifloat, integer or fixed point.
struct NumberFormat {
  std::string name;
  std::variant<MinifloatSpec, IntegerSpec, FixedSpec> spec;
  /// LLVM's own description of a builtin float, null otherwise.
  const llvm::fltSemantics *semantics = nullptr;

  const MinifloatSpec *getMinifloat() const {
    return std::get_if<MinifloatSpec>(&spec);
  }
  const IntegerSpec *getInteger() const {
    return std::get_if<IntegerSpec>(&spec);
  }
  const FixedSpec *getFixed() const { return std::get_if<FixedSpec>(&spec); }
  unsigned getWidth() const;
  uint64_t getNumCodes() const { return uint64_t(1) << getWidth(); }
  double decode(uint64_t code) const;
  uint64_t encode(const ExactReal &value,
                  RoundingMode rounding = RoundingMode::HalfEven,
                  OverflowMode overflow = OverflowMode::Saturate,
                  NaNMode nan = NaNMode::Zero) const;
};

/// The builtin MLIR floats of at most 16 bits.
std::vector<NumberFormat> getBuiltinFloats();

/// Every builtin float of at most 8 bits; every valid minifloat of 2 to 8 bits
/// with standard bias and no special codes, signed (e3m2) and unsigned (ue3m2);
/// FN, FNUZ and IEEE specials on a few odd shapes; i1..i8 and ui1..ui8.
std::vector<NumberFormat> getFormatsUpTo8Bits();

/// What getFormatsUpTo8Bits has not: minifloats of 9 and 10 bits, without
/// subnormals and with odd biases, 9 and 10 bit integers, integers of narrow
/// range, fixed point.
std::vector<NumberFormat> getMoreFormatsUpTo10Bits();

inline constexpr RoundingMode kRoundingModes[] = {
    RoundingMode::HalfEven,       RoundingMode::HalfAway,
    RoundingMode::HalfUp,         RoundingMode::HalfDown,
    RoundingMode::HalfTowardZero, RoundingMode::TowardZero,
    RoundingMode::Floor,          RoundingMode::Ceil};

inline constexpr OverflowMode kOverflowModes[] = {
    OverflowMode::Saturate, OverflowMode::Wrap, OverflowMode::Infinity,
    OverflowMode::Zero, OverflowMode::SaturateSymmetric};

} // namespace mlir::qfmt::test

#endif // QFMT_UNITTESTS_SUPPORT_NUMBERFORMATS_H
