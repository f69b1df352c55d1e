// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Plan.h"
#include "mlir/AsmParser/AsmParser.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

static Type parseQuietly(StringRef text, MLIRContext *context) {
  ScopedDiagnosticHandler silence(context, [](Diagnostic &) {});
  return parseType(text, context, /*numRead=*/nullptr,
                   /*isKnownNullTerminated=*/false);
}

/// An integer format, or null with a diagnostic that names the option.
static NumberFormat parseIntegerFormat(StringRef option, StringRef text,
                                       bool isSigned, Location loc) {
  Type type = parseQuietly(text, loc.getContext());
  auto format = dyn_cast_or_null<NumberFormat>(type);
  if (format &&
      succeeded(format.verifyFormat([&] { return emitError(loc); })) &&
      format.hasIntegerCodes() && format.canWrap() &&
      format.getFormatWidth() >= 2 && (!isSigned || format.getLowest() < 0))
    return format;
  emitError(loc) << "option '" << option << "' of qfmt-quantize takes "
                 << (isSigned ? "i2 to i16 or f32" : "i2 to i16 or ui2 to ui16")
                 << ", found '" << text << "'";
  return {};
}

static FailureOr<Calibration>
parseCalibration(StringRef method, double percentile, Location loc) {
  using Method = Calibration::Method;
  auto parsed = llvm::StringSwitch<std::optional<Method>>(method)
                    .Case("minmax", Method::MinMax)
                    .Case("percentile", Method::Percentile)
                    .Case("mse", Method::MSE)
                    .Default(std::nullopt);
  if (!parsed)
    return emitError(loc) << "option 'calibration' of qfmt-quantize takes "
                             "minmax, percentile or mse, found '"
                          << method << "'";
  if (!(percentile > 0 && percentile <= 100))
    return emitError(loc) << "option 'percentile' of qfmt-quantize is above 0 "
                             "and at most 100, found "
                          << percentile;
  return Calibration{*parsed, percentile};
}

/// `ui8:0.0039`, a number format and a scale.
static FailureOr<ScaledAttr> parseInputFormat(StringRef text, Location loc) {
  auto [typeText, scaleText] = text.split(':');
  NumberFormat format = parseIntegerFormat("input-format", typeText,
                                           /*isSigned=*/false, loc);
  if (!format)
    return failure();
  double scale;
  // C5: positive and finite, also in f32.
  if (scaleText.getAsDouble(scale) || !std::isfinite(scale) ||
      !(static_cast<float>(scale) > 0) ||
      !std::isfinite(static_cast<float>(scale)))
    return emitError(loc) << "option 'input-format' of qfmt-quantize takes a "
                             "number format and a positive scale, such as "
                             "ui8:0.00392156862745098, found '"
                          << text << "'";
  return ScaledAttr::get(format, scale);
}

/// At least as wide as the number format of the other activations, if any; null
/// for f32.
static FailureOr<NumberFormat>
parseWideActivations(StringRef text, NumberFormat activations, Location loc) {
  if (text == "f32")
    return NumberFormat();
  NumberFormat format =
      parseIntegerFormat("wide-activations", text, /*isSigned=*/true, loc);
  if (!format)
    return failure();
  if (!activations || format.getFormatWidth() >= activations.getFormatWidth())
    return format;
  emitError(loc) << "option 'wide-activations' of qfmt-quantize takes a format "
                    "at least as wide as activations, "
                 << activations << ", found '" << text << "'";
  return failure();
}

static FailureOr<OperandFormat> parseOperand(StringRef option, StringRef text,
                                             OperandFormat::Side side,
                                             Location loc) {
  return OperandFormat::parse(text, side, loc.getContext(), [&] {
    return emitError(loc) << "option '" << option << "' of qfmt-quantize: ";
  });
}

FailureOr<Plan> mlir::qfmt::parsePlan(const PlanText &text, Location loc) {
  using Side = OperandFormat::Side;
  FailureOr<OperandFormat> weights =
      parseOperand("weights", text.weights, Side::Weights, loc);
  FailureOr<OperandFormat> activations =
      parseOperand("activations", text.activations, Side::Activations, loc);
  FailureOr<Calibration> calibration =
      parseCalibration(text.calibration, text.percentile, loc);
  if (failed(weights) || failed(activations) || failed(calibration))
    return failure();
  Plan plan;
  plan.layers = {*weights, *activations};
  plan.calibration = *calibration;
  if (!text.wideActivations.empty()) {
    FailureOr<NumberFormat> wide = parseWideActivations(
        text.wideActivations, plan.layers.activations.number, loc);
    if (failed(wide))
      return failure();
    plan.wideActivations = *wide;
  }
  if (!text.inputFormat.empty()) {
    FailureOr<ScaledAttr> input = parseInputFormat(text.inputFormat, loc);
    if (failed(input))
      return failure();
    plan.input = *input;
  }
  return plan;
}
