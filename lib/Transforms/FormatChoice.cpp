// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FormatChoice.h"
#include "FormatFamily.h"
#include "mlir/AsmParser/AsmParser.h"

using namespace mlir;
using namespace mlir::qfmt;

static constexpr StringLiteral kReal = "f32";

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

template <typename T>
static std::string print(T value) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  return text;
}

static std::string printBase(const OperandFormat &format) {
  if (format.number)
    return print(static_cast<Type>(format.number));
  if (format.preset)
    return format.preset->name.str();
  if (format.encoding)
    return print(static_cast<Attribute>(format.encoding));
  return kReal.str();
}

std::string OperandFormat::str() const {
  std::string text = printBase(*this);
  if (master)
    text += "@" + print(static_cast<Type>(master));
  if (scaleRule)
    text += (":" + stringifyScaleRule(*scaleRule)).str();
  return text;
}

static ScaleRule getOwnScaleRule(const OperandFormat &format) {
  return format.preset ? format.preset->scaleRule : ScaleRule::AbsMax;
}

ScaleRule OperandFormat::getScaleRule() const {
  return scaleRule.value_or(getOwnScaleRule(*this));
}

std::string FormatChoice::str() const {
  return weights.str() + "/" + activations.str();
}

unsigned OperandFormat::getCodeWidth(MLIRContext *context) const {
  constexpr unsigned kRealWidth = 32;
  if (number)
    return number.getFormatWidth();
  TensorFormat format =
      preset ? preset->getFormat(context, /*rank=*/1) : encoding;
  if (!format)
    return kRealWidth;
  unsigned width = 0;
  for (Type element : format.getElementFormats())
    width = std::max(width, cast<NumberFormat>(element).getFormatWidth());
  return width ? width : kRealWidth;
}

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

/// Calls `parse` and keeps to itself what it says, the first complaint of which
/// goes to `complaint`: its location is one in the text alone.
template <typename Parse>
static auto parseQuietly(MLIRContext *context, std::string &complaint,
                         Parse parse) {
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    if (complaint.empty())
      complaint = diagnostic.str();
  });
  return parse();
}

static StringRef stringifySide(OperandFormat::Side side) {
  return side == OperandFormat::Side::Weights ? "weights" : "activations";
}

/// Succeeds if every real has a code of about its size and its sign.
static LogicalResult
verifyNumber(NumberFormat format, OperandFormat::Side side,
             function_ref<InFlightDiagnostic()> emitError) {
  if (failed(format.verifyFormat(emitError)))
    return failure();
  bool isInteger = format.hasIntegerCodes();
  if (format.getLowest() < 0 && format.getLargest() > 0 &&
      (!isInteger || format.getFormatWidth() >= 2))
    return success();
  InFlightDiagnostic diag = emitError()
                            << static_cast<Type>(format) << " is no format of "
                            << stringifySide(side) << ", ";
  if (isInteger)
    diag << "integers are i2 to i16";
  else
    diag << "which need positive and negative values";
  // A range without negative values gets ui8 by itself.
  if (isInteger && side == OperandFormat::Side::Activations)
    diag << " (of ranges without negative values ui2 to ui16)";
  return diag;
}

/// Succeeds if `quantize` finds codes and scales by itself.
static LogicalResult
verifyEncodes(TensorFormat format, ScaleRule scaleRule, RoundingMode rounding,
              function_ref<InFlightDiagnostic()> emitError) {
  EncodeRequest request;
  request.scaleRule = scaleRule;
  request.rounding = rounding;
  return format.verifyEncode(request, emitError);
}

/// The number format, name or encoding that stands before everything else.
static FailureOr<OperandFormat>
parseBase(StringRef text, OperandFormat::Side side, MLIRContext *context,
          function_ref<InFlightDiagnostic()> emitError) {
  OperandFormat result;
  if (text == kReal)
    return result;
  if ((result.preset = findPreset(text))) {
    if (failed(verifyEncodes(result.preset->getFormat(context, /*rank=*/1),
                             result.preset->scaleRule, result.preset->rounding,
                             emitError)))
      return failure();
    return result;
  }
  if (isFormatFamily(text))
    return emitError() << "'" << text
                       << "' is a family of formats, of which one has to be "
                          "chosen first; qfmt-assign-formats does so with its "
                          "option 'candidates'";
  context->getOrLoadDialect<QFmtDialect>();
  std::string complaint;
  if (text.starts_with("#")) {
    Attribute attribute = parseQuietly(
        context, complaint, [&] { return parseAttribute(text, context); });
    if ((result.encoding = dyn_cast_or_null<TensorFormat>(attribute))) {
      if (failed(verifyEncodes(result.encoding, ScaleRule::AbsMax,
                               RoundingMode::HalfEven, emitError)))
        return failure();
      return result;
    }
  } else {
    Type type = parseQuietly(context, complaint,
                             [&] { return parseType(text, context); });
    if ((result.number = dyn_cast_or_null<NumberFormat>(type))) {
      if (failed(verifyNumber(result.number, side, emitError)))
        return failure();
      return result;
    }
  }
  InFlightDiagnostic diag =
      emitError() << "'" << text
                  << "' is no format; give a number format (i4, f8E4M3FN, "
                     "!qfmt.float<3, 4>), a name that qfmt-opt --list-formats "
                     "lists (mxfp4), an encoding (#qfmt.scaled<i4, scale = "
                     "f16>), or f32 for what stays";
  // Of a misspelt word the parser says that it expected a type, no more.
  if (!complaint.empty() && text.find('<') != StringRef::npos)
    diag.attachNote() << complaint;
  return diag;
}

/// The encoding of which `quantize` is asked for scales, if tensors had one
/// dimension; null for f32.
static TensorFormat getFlatEncoding(const OperandFormat &format,
                                    MLIRContext *context) {
  if (format.preset)
    return format.preset->getFormat(context, /*rank=*/1);
  if (!format.number)
    return format.encoding;
  return cast<TensorFormat>(static_cast<Attribute>(
      ScaledAttr::get(context, format.number, {ScaledAttr::kWhole},
                      TypeAttr::get(Float32Type::get(context)))));
}

/// Makes `rule` the scale rule of the format if it can be.
static LogicalResult
addScaleRule(OperandFormat &format, StringRef rule, OperandFormat::Side side,
             MLIRContext *context,
             function_ref<InFlightDiagnostic()> emitError) {
  std::optional<ScaleRule> parsed = symbolizeScaleRule(rule);
  if (!parsed)
    return emitError() << "'" << rule
                       << "' is no scale rule; behind ':' stands absmax, "
                          "floor_log2, ceil_log2, mse or two_level";
  if (format.isReal())
    return emitError() << "f32 has no scales, drop ':" << rule << "'";
  if (format.number && side == OperandFormat::Side::Activations)
    return emitError() << "the scale of data in "
                       << static_cast<Type>(format.number)
                       << " follows from statistics, as the option "
                          "'calibration' of qfmt-quantize says; drop ':"
                       << rule << "'";
  if (*parsed == getOwnScaleRule(format))
    return success();
  if (format.master)
    return emitError() << "the scales of " << format.str()
                       << " are those of its master, whose rule is absmax; "
                          "drop ':"
                       << rule << "'";
  format.scaleRule = parsed;
  TensorFormat encoding = getFlatEncoding(format, context);
  if (failed(
          verifyEncodes(encoding, *parsed, RoundingMode::HalfEven, emitError)))
    return failure();
  // (C22)
  auto scaled = dyn_cast<ScaledAttr>(encoding);
  if (*parsed != ScaleRule::AbsMax && scaled && scaled.getZeroPointFormat())
    return emitError() << "'" << rule << "' defines no zero point, but "
                       << format.str() << " has one; drop ':" << rule << "'";
  return success();
}

/// Makes the integers that `text` says the master of the format's.
static LogicalResult addMaster(OperandFormat &format, StringRef text,
                               OperandFormat::Side side, MLIRContext *context,
                               function_ref<InFlightDiagnostic()> emitError) {
  if (side == OperandFormat::Side::Activations)
    return emitError() << "'" << format.str() << "@" << text
                       << "' is no format of activations: weights alone can "
                          "have a master, data is rounded once";
  FailureOr<OperandFormat> master = parseBase(text, side, context, emitError);
  if (failed(master))
    return failure();
  auto isInteger = [](const OperandFormat &f) {
    return f.number && isa<IntegerType>(static_cast<Type>(f.number));
  };
  if (!isInteger(format) || !isInteger(*master) ||
      format.number.getFormatWidth() >= master->number.getFormatWidth())
    return emitError() << "'" << format.str() << "@" << text
                       << "' is no format; before '@' stand integers of fewer "
                          "bits than those behind it, from which they are "
                          "rounded: i4@i8";
  format.master = master->number;
  return success();
}

FailureOr<OperandFormat>
OperandFormat::parse(StringRef text, Side side, MLIRContext *context,
                     function_ref<InFlightDiagnostic()> emitError) {
  // Inside of brackets both signs mean something else.
  size_t bracket = text.find_last_of(">]");
  size_t begin = bracket == StringRef::npos ? 0 : bracket;
  size_t colon = text.find(':', begin);
  StringRef rest = text.take_front(colon);
  size_t at = rest.find('@', begin);
  FailureOr<OperandFormat> format =
      parseBase(rest.take_front(at), side, context, emitError);
  if (failed(format) ||
      (at != StringRef::npos && failed(addMaster(*format, rest.substr(at + 1),
                                                 side, context, emitError))) ||
      (colon != StringRef::npos &&
       failed(addScaleRule(*format, text.substr(colon + 1), side, context,
                           emitError))))
    return failure();
  return format;
}

FailureOr<std::pair<StringRef, StringRef>>
mlir::qfmt::splitFormatChoice(StringRef text,
                              function_ref<InFlightDiagnostic()> emitError) {
  auto [first, second] = text.split('/');
  if (second.contains('/'))
    return emitError() << "'" << text
                       << "' is no choice of formats; give those of weights "
                          "and activations with one '/' between them";
  StringRef weights = first.trim();
  return std::pair(weights, text.contains('/') ? second.trim() : weights);
}

FailureOr<FormatChoice>
FormatChoice::parse(StringRef text, MLIRContext *context,
                    function_ref<InFlightDiagnostic()> emitError) {
  auto sides = splitFormatChoice(text, emitError);
  if (failed(sides))
    return failure();
  auto [weightsText, activationsText] = *sides;
  using Side = OperandFormat::Side;
  FailureOr<OperandFormat> weights =
      OperandFormat::parse(weightsText, Side::Weights, context, emitError);
  if (failed(weights))
    return failure();
  FailureOr<OperandFormat> activations = OperandFormat::parse(
      activationsText, Side::Activations, context, emitError);
  if (failed(activations))
    return failure();
  return FormatChoice{*weights, *activations};
}

SmallVector<StringRef> mlir::qfmt::splitFormatChoices(StringRef text) {
  SmallVector<StringRef> pieces;
  int depth = 0;
  size_t begin = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '<' || text[at] == '[')
      ++depth;
    else if (text[at] == '>' || text[at] == ']')
      --depth;
    else if (text[at] == ',' && depth == 0) {
      pieces.push_back(text.slice(begin, at));
      begin = at + 1;
    }
  }
  pieces.push_back(text.substr(begin));
  return pieces;
}
