// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// !qfmt.float<E, M, ...>: minifloats that MLIR has no builtin type for (spec
// C10).

#include "ParameterList.h"
#include "TypeSyntax.h"
#include "mlir/IR/Builders.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Support/Minifloat.h"

using namespace mlir;
using namespace mlir::qfmt;
using Specials = MinifloatSpec::Specials;

static MinifloatSpec makeSpec(unsigned exponentBits, unsigned mantissaBits,
                              int64_t bias, Specials specials, bool subnormals,
                              FloatAttr negativeZero) {
  MinifloatSpec spec{exponentBits, mantissaBits, static_cast<int>(bias)};
  spec.specials = specials;
  spec.hasSubnormals = subnormals;
  if (negativeZero)
    spec.negativeZero = negativeZero.getValueAsDouble();
  return spec;
}

MinifloatSpec QFloatType::getSpec() const {
  return makeSpec(getExponentBits(), getMantissaBits(), getBias(),
                  getSpecials(), getSubnormals(), getNegativeZero());
}

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

static constexpr std::pair<StringLiteral, Specials> kSpecials[] = {
    {"none", Specials::None},
    {"ieee", Specials::IEEE},
    {"fn", Specials::FN},
    {"fnuz", Specials::FNUZ}};

static ParseResult parseSpecials(AsmParser &parser, Specials &specials) {
  StringRef name;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&name))
    return failure();
  for (auto [spelling, value] : kSpecials)
    if (spelling == name) {
      specials = value;
      return success();
    }
  return parser.emitError(loc)
         << "specials is none, ieee, fn or fnuz, found '" << name << "'";
}

static ParseResult parseNegativeZero(AsmParser &parser, FloatAttr &attribute) {
  double value;
  if (parser.parseFloat(value))
    return failure();
  attribute = parser.getBuilder().getF64FloatAttr(value);
  return success();
}

Type QFloatType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  unsigned exponentBits, mantissaBits;
  if (parser.parseLess() || parseCount(parser, exponentBits) ||
      parser.parseComma() || parseCount(parser, mantissaBits))
    return {};
  std::optional<int64_t> bias;
  Specials specials = Specials::None;
  bool subnormals = true;
  FloatAttr negativeZero;
  auto leaveOutSubnormals = [&] {
    subnormals = false;
    return success();
  };
  if (succeeded(parser.parseOptionalComma()) &&
      parseParameterList(
          parser,
          {{"bias", [&] { return parser.parseInteger(bias.emplace()); }},
           {"specials", [&] { return parseSpecials(parser, specials); }},
           {"no_subnormals", leaveOutSubnormals, /*isFlag=*/true},
           {"negative_zero",
            [&] { return parseNegativeZero(parser, negativeZero); }}}))
    return {};
  if (parser.parseGreater())
    return {};
  // verify says what is wrong with bits outside of this.
  if (!bias)
    bias = exponentBits >= 1 && exponentBits <= 8
               ? MinifloatSpec::defaultBias(exponentBits)
               : 0;
  auto emitError = [&] { return parser.emitError(loc); };
  return getChecked(emitError, parser.getContext(), exponentBits, mantissaBits,
                    *bias, specials, subnormals, negativeZero);
}

void QFloatType::print(AsmPrinter &printer) const {
  printer << "<" << getExponentBits() << ", " << getMantissaBits();
  if (getBias() != MinifloatSpec::defaultBias(getExponentBits()))
    printer << ", bias = " << getBias();
  for (auto [spelling, value] : kSpecials)
    if (value == getSpecials() && value != Specials::None)
      printer << ", specials = " << spelling;
  if (!getSubnormals())
    printer << ", no_subnormals";
  if (FloatAttr value = getNegativeZero()) {
    printer << ", negative_zero = ";
    printer.printFloat(value.getValue());
  }
  printer << ">";
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// The builtin type with the same codes, or nothing.
static StringRef getBuiltinName(const MinifloatSpec &spec) {
  static constexpr std::pair<StringLiteral, MinifloatSpec> kBuiltins[] = {
      {"f4E2M1FN", MinifloatSpec::f4E2M1FN()},
      {"f6E2M3FN", MinifloatSpec::f6E2M3FN()},
      {"f6E3M2FN", MinifloatSpec::f6E3M2FN()},
      {"f8E3M4", MinifloatSpec::f8E3M4()},
      {"f8E4M3", MinifloatSpec::f8E4M3()},
      {"f8E4M3FN", MinifloatSpec::f8E4M3FN()},
      {"f8E4M3FNUZ", MinifloatSpec::f8E4M3FNUZ()},
      {"f8E4M3B11FNUZ", MinifloatSpec::f8E4M3B11FNUZ()},
      {"f8E5M2", MinifloatSpec::f8E5M2()},
      {"f8E5M2FNUZ", MinifloatSpec::f8E5M2FNUZ()},
      {"f16", MinifloatSpec::f16()},
      {"bf16", MinifloatSpec::bf16()}};
  for (const auto &[name, builtin] : kBuiltins)
    if (builtin == spec)
      return name;
  return "";
}

LogicalResult QFloatType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 unsigned exponentBits, unsigned mantissaBits,
                                 int64_t bias, Specials specials,
                                 bool subnormals, FloatAttr negativeZero) {
  if (exponentBits < 1 || exponentBits > 8 || mantissaBits > 14 ||
      1 + exponentBits + mantissaBits > 16)
    return emitError() << "!qfmt.float needs 1 to 8 exponent bits and at most "
                          "16 bits with sign and mantissa, found <"
                       << exponentBits << ", " << mantissaBits << ">";
  // Beyond these no value is exact in f32.
  if (bias < -256 || bias > 512)
    return emitError() << "!qfmt.float<" << exponentBits << ", " << mantissaBits
                       << "> has no value in f32 with bias = " << bias;
  MinifloatSpec spec = makeSpec(exponentBits, mantissaBits, bias, specials,
                                subnormals, negativeZero);
  StringRef reason = spec.getInvalidReason();
  if (!reason.empty())
    return emitError() << "!qfmt.float<" << exponentBits << ", " << mantissaBits
                       << "> with bias " << bias << " " << reason;
  if (!subnormals && mantissaBits == 0)
    return emitError() << "!qfmt.float<" << exponentBits
                       << ", 0> has no subnormals, drop 'no_subnormals'";
  StringRef builtin = getBuiltinName(spec);
  if (!builtin.empty())
    return emitError() << "!qfmt.float<" << exponentBits << ", " << mantissaBits
                       << "> is the builtin type " << builtin << ", use that";
  return success();
}

//===----------------------------------------------------------------------===//
// NumberFormat
//===----------------------------------------------------------------------===//

LogicalResult
QFloatType::verifyFormat(function_ref<InFlightDiagnostic()>) const {
  return success();
}
unsigned QFloatType::getFormatWidth() const { return getSpec().getWidth(); }
double QFloatType::decodeCode(uint64_t code) const {
  MinifloatSpec spec = getSpec();
  return spec.decode(code & (spec.getNumCodes() - 1));
}
uint64_t QFloatType::encodeReal(const ExactReal &value, RoundingMode rounding,
                                OverflowMode overflow, NaNMode nan) const {
  return getSpec().encode(value, rounding, overflow, nan);
}
double QFloatType::getLargest() const { return getSpec().getLargest(); }
double QFloatType::getLowest() const { return getSpec().getLowest(); }
std::optional<IntegerGrid> QFloatType::getIntegerGrid() const {
  return getSpec().getIntegerGrid();
}
std::optional<FloatFields> QFloatType::getFloatFields() const {
  return FloatFields{getMantissaBits() + 1, getExponentBits()};
}
Type QFloatType::getStorageType() const {
  return IntegerType::get(getContext(), getFormatWidth());
}
