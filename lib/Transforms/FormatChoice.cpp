// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FormatChoice.h"
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

std::string OperandFormat::str() const {
  if (number)
    return print(static_cast<Type>(number));
  if (preset)
    return preset->name.str();
  if (encoding)
    return print(static_cast<Attribute>(encoding));
  return kReal.str();
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

FailureOr<OperandFormat>
OperandFormat::parse(StringRef text, Side side, MLIRContext *context,
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

FailureOr<FormatChoice>
FormatChoice::parse(StringRef text, MLIRContext *context,
                    function_ref<InFlightDiagnostic()> emitError) {
  auto [first, second] = text.split('/');
  if (second.contains('/'))
    return emitError() << "'" << text
                       << "' is no choice of formats; give those of weights "
                          "and activations with one '/' between them";
  StringRef weightsText = first.trim();
  StringRef activationsText = text.contains('/') ? second.trim() : weightsText;
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

/// Cuts at the commas that stand outside of brackets.
static SmallVector<StringRef> splitAtCommas(StringRef text) {
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

FailureOr<SmallVector<FormatChoice>>
mlir::qfmt::parseFormatChoices(StringRef text, MLIRContext *context,
                               function_ref<InFlightDiagnostic()> emitError) {
  SmallVector<FormatChoice> choices;
  for (StringRef piece : splitAtCommas(text)) {
    FailureOr<FormatChoice> choice =
        FormatChoice::parse(piece, context, emitError);
    if (failed(choice))
      return failure();
    if (llvm::is_contained(choices, *choice))
      return emitError() << "the choice " << choice->str() << " is there twice";
    choices.push_back(*choice);
  }
  return choices;
}
