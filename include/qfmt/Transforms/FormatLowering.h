// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How formats become arithmetic: the interfaces that number formats and tensor
// formats implement to be decomposed. A format from elsewhere attaches its
// models in the same way as those registered here and needs no change to the
// pass.

#ifndef QFMT_TRANSFORMS_FORMATLOWERING_H
#define QFMT_TRANSFORMS_FORMATLOWERING_H

#include "mlir/IR/Builders.h"
#include "qfmt/IR/QFmt.h"
#include <algorithm>

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::qfmt {

/// A set of reals k * 2^low with |k| < 2^(high - low), each of which has at
/// most `bits` significant bits: what decides whether arithmetic on them is
/// exact. Infinities, NaNs and signed zeros behave as in IEEE 754 and do not
/// count.
struct ExactRange {
  unsigned bits = 0;
  int low = 0;
  int high = 0;

  /// All of f32.
  static ExactRange f32() { return {24, -149, 128}; }
  /// All of the logical type f16, bf16, f32 or f64.
  static ExactRange of(FloatType type);
  /// One finite number.
  static ExactRange of(double value);

  /// True if `type` holds every one of the reals.
  bool fits(FloatType type) const;
  /// The products. A power of two adds no bits; it is at most half of the
  /// bound.
  ExactRange operator*(const ExactRange &other) const {
    if (bits <= 1 || other.bits <= 1)
      return {std::max(bits, other.bits), low + other.low,
              high + other.high - 1};
    return {bits + other.bits, low + other.low, high + other.high};
  }
  /// The differences.
  ExactRange operator-(const ExactRange &other) const;
};

/// Where a zero point is added to the quotient x / s.
enum class ZeroPointPlace {
  /// round(x / s) + z: `quantize`.
  AfterRounding,
  /// round(x / s + z), the sum exact: `convert`.
  BeforeRounding
};

/// How one real becomes a code.
struct EncodeModes {
  RoundingMode rounding = RoundingMode::HalfEven;
  OverflowMode overflow = OverflowMode::Saturate;
  NaNMode nan = NaNMode::Zero;
  ZeroPointPlace zeroPointPlace = ZeroPointPlace::AfterRounding;
};

/// Whether a quotient or product is rounded to the logical type (`quantize`,
/// `dequantize`) or exact (`convert`).
enum class Division { Rounded, Exact };

/// How the reals of a tensor become constituents.
struct TensorEncodeModes {
  EncodeModes element;
  ScaleRule scaleRule = ScaleRule::AbsMax;
  Division division = Division::Rounded;
  /// Of stochastic rounding (spec C36), in the place of `element.rounding`.
  std::optional<uint64_t> seed = std::nullopt;
  /// All constituents but the payload, used as they are; empty: they are
  /// computed, by `scaleRule`. Element types are those of `getCodeType`.
  SmallVector<Value> given = {};
};

/// How codes of a number format are read and written in scalar code: by the
/// format's own NumberFormatLowering if it has one, else as integers times a
/// unit (`hasIntegerCodes`, `canWrap`), else by tables of its values and of the
/// reals at which its rounding steps. The last two need nothing but
/// NumberFormat. `real` and what comes back are as NumberFormatLowering says.
class CodeEmitter {
public:
  /// Null.
  CodeEmitter() = default;
  /// Of a number format, verified (see NumberFormat).
  explicit CodeEmitter(Type format) : format(format) {}

  explicit operator bool() const { return static_cast<bool>(format); }

  /// Fails with a diagnostic if there is no code that decodes, or that encodes
  /// as `modes` say, if given: the format is too wide for a table, or its
  /// `encodeReal` is not monotone.
  LogicalResult verify(std::optional<EncodeModes> modes,
                       function_ref<InFlightDiagnostic()> emitError) const;

  ExactRange getExactRange() const;
  Value emitDecode(OpBuilder &builder, Location loc, Value code) const;
  Value emitEncode(OpBuilder &builder, Location loc, Value real,
                   const EncodeModes &modes, Value zeroPoint) const;

  /// What an inexact quotient has to keep so that it encodes as the exact one.
  struct QuotientNeeds {
    /// p such that no real at which the rounding steps has more than p + 1
    /// significant bits; more than 64 where f64 does not hold them.
    unsigned bits;
    /// True if the rounding steps at 0 or next to it, so that a quotient must
    /// not underflow.
    bool stepsAtZero;
  };
  /// Of quotients below 2^high in magnitude.
  QuotientNeeds getQuotientNeeds(const EncodeModes &modes, int high) const;

private:
  Type format;
};

/// The type of a code as a scalar at level constituents: `storage`, but a
/// builtin float of less than 16 bits is a signless integer of its width.
Type getCodeType(Type storage);
/// The same for a tensor's element type.
RankedTensorType getCodeTensorType(RankedTensorType storage);

/// Attaches the lowerings of the dialect's own formats when a context loads
/// the dialect.
void registerFormatLowerings(DialectRegistry &registry);

} // namespace mlir::qfmt

#include "qfmt/Transforms/FormatLoweringAttr.h.inc"
#include "qfmt/Transforms/FormatLoweringType.h.inc"

#endif // QFMT_TRANSFORMS_FORMATLOWERING_H
