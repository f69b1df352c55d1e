//===- FormatChoice.h - Formats of a layer, as users write them -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A layer, a contraction with constant weights, has one format for its weights
// W and one for the data that it reads A: "W/A", or "F" for "F/F". Options of
// passes, attributes and files all write them so, and all are read here:
//
//   i4/i8   mxfp4/mxfp8   f8E4M3FN   #qfmt.scaled<i4, scale = f16>/f32 nf4/f32
//
// Behind a format may stand how its scales are found, by a scale rule of
// `quantize`; and weights may come from integers of more bits, which several
// functions share:
//
//   f4E2M1FN:mse/i8   i4@i8/i8
//
// What they become for one operand of one operation: OperandEncoding.h.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_FORMATCHOICE_H
#define QFMT_LIB_TRANSFORMS_FORMATCHOICE_H

#include "qfmt/IR/Presets.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

/// The format of one side of a layer. At most one of the first three is not
/// null; none for f32, which stays what it is.
struct OperandFormat {
  /// Weights: one scale an output channel. Data: one static scale, from
  /// statistics, of the unsigned twin if it is an integer and no value is
  /// negative. Symmetric.
  NumberFormat number;
  /// Blocks along what is summed over; scales of data come at run time.
  const Preset *preset = nullptr;
  /// The same for every tensor, whose rank it has to fit.
  TensorFormat encoding;
  /// The rule that takes the place of the format's own (that of the preset,
  /// else `absmax`), from which it differs.
  std::optional<ScaleRule> scaleRule;
  /// Integers of more bits, from whose codes those of the integers `number` are
  /// rounded, with the same scales but for a power of two (Double Rounding).
  /// Weights alone.
  NumberFormat master;

  bool isReal() const { return !number && !preset && !encoding; }
  /// Bits of one code, without scales; 32 for f32.
  unsigned getCodeWidth(MLIRContext *context) const;
  /// `scaleRule`, else the format's own.
  ScaleRule getScaleRule() const;
  /// As `parse` reads it: the type, the name, the encoding, or f32, and what
  /// stands behind it.
  std::string str() const;

  bool operator==(const OperandFormat &other) const {
    return number == other.number && preset == other.preset &&
           encoding == other.encoding && scaleRule == other.scaleRule &&
           master == other.master;
  }
  bool operator!=(const OperandFormat &other) const {
    return !(*this == other);
  }

  enum class Side { Weights, Activations };

  /// Fails with a diagnostic that begins with what `emitError` has said (which
  /// names the option or the operation) if there is no such format, or `side`
  /// cannot have it: number formats need negative values, integers 2 to 16
  /// bits, and `quantize` has to know how to find the codes. Scales of data in
  /// number formats follow from statistics, by no scale rule.
  static FailureOr<OperandFormat>
  parse(StringRef text, Side side, MLIRContext *context,
        function_ref<InFlightDiagnostic()> emitError);
};

struct FormatChoice {
  OperandFormat weights;
  OperandFormat activations;

  /// "W/A", always with both: equal choices have equal text.
  std::string str() const;

  bool operator==(const FormatChoice &other) const {
    return weights == other.weights && activations == other.activations;
  }
  bool operator!=(const FormatChoice &other) const { return !(*this == other); }

  /// Reads "W/A" or "F"; blanks around them do not matter. Fails as
  /// OperandFormat::parse does.
  static FailureOr<FormatChoice>
  parse(StringRef text, MLIRContext *context,
        function_ref<InFlightDiagnostic()> emitError);
};

/// The texts of both sides of "W/A" or "F", without blanks around them. Fails
/// with a diagnostic if there are more.
FailureOr<std::pair<StringRef, StringRef>>
splitFormatChoice(StringRef text, function_ref<InFlightDiagnostic()> emitError);

/// Cuts a list of choices at its commas; those inside of <> or [] separate
/// nothing.
SmallVector<StringRef> splitFormatChoices(StringRef text);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_FORMATCHOICE_H
