// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FormatFamily.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

using Formats = SmallVector<OperandFormat>;
using IntegerBitsFn = function_ref<std::optional<IntegerBits>()>;

//===----------------------------------------------------------------------===//
// Members
//===----------------------------------------------------------------------===//

static OperandFormat makeNumber(Type type) {
  OperandFormat format;
  format.number = cast<NumberFormat>(type);
  return format;
}

/// Floats without special codes; what MLIR has is spelled as there (C10).
static Type getFloat(MLIRContext *context, unsigned exponentBits,
                     unsigned mantissaBits) {
  std::pair<unsigned, unsigned> split{exponentBits, mantissaBits};
  if (split == std::pair(2u, 1u))
    return Float4E2M1FNType::get(context);
  if (split == std::pair(2u, 3u))
    return Float6E2M3FNType::get(context);
  if (split == std::pair(3u, 2u))
    return Float6E3M2FNType::get(context);
  return QFloatType::get(context, exponentBits, mantissaBits);
}

static Formats getFloats(MLIRContext *context, unsigned width, IntegerBitsFn) {
  // More exponent bits reach 2^-30 of the largest magnitude and beyond.
  constexpr unsigned kMostExponentBits = 5;
  Formats members;
  for (unsigned exponent = 1; exponent < width && exponent <= kMostExponentBits;
       ++exponent)
    members.push_back(
        makeNumber(getFloat(context, exponent, width - 1 - exponent)));
  return members;
}

static Formats getPowers(MLIRContext *context, unsigned width, IntegerBitsFn) {
  // Twentieths, so that 1/2, whose values are squares of integers, is there.
  constexpr int kSteps = 20, kLeast = 5;
  // C54: an exponent of 1 is spelled so.
  int64_t largest = (int64_t(1) << (width - 1)) - 1;
  Formats members = {makeNumber(IntegerRangeType::get(
      IntegerType::get(context, width), -largest, largest))};
  for (int step = kSteps - 1; step >= kLeast; --step)
    members.push_back(makeNumber(PowerType::get(
        context, width,
        FloatAttr::get(Float64Type::get(context), double(step) / kSteps))));
  return members;
}

static Formats getFixedPoints(MLIRContext *context, unsigned width,
                              IntegerBitsFn getIntegerBits) {
  // Each of them halves the step, and clips at half the magnitude.
  constexpr int64_t kClipped = 3;
  // All values of up to 16 bits are normal numbers of f32 (C12).
  constexpr int64_t kLeast = -109, kLargest = 127;
  IntegerBits bits = getIntegerBits().value_or(IntegerBits{1, 1});
  int64_t least = std::clamp(bits.least - kClipped, kLeast, kLargest);
  int64_t largest = std::clamp(bits.largest, kLeast, kLargest);
  Formats members;
  for (int64_t integer = largest; integer >= least; --integer) {
    Type number;
    if (integer == width) // C51
      number = IntegerType::get(context, width);
    else
      number = FixedType::get(context, width, integer, /*isSigned=*/true);
    OperandFormat format;
    format.encoding = cast<TensorFormat>(
        static_cast<Attribute>(ScaledAttr::get(context, number)));
    members.push_back(format);
  }
  return members;
}

//===----------------------------------------------------------------------===//
// Families
//===----------------------------------------------------------------------===//

namespace {
struct Family {
  StringLiteral name;
  unsigned leastWidth, largestWidth;
  Formats (*getMembers)(MLIRContext *, unsigned width, IntegerBitsFn);
  bool hasScales;
};
} // namespace

/// Powers of more bits and small exponents leave f32 (C54); those of 8 bits
/// reach 127^4.
static constexpr Family kFamilies[] = {
    {"float", 3, 8, getFloats, /*hasScales=*/true},
    {"power", 3, 8, getPowers, /*hasScales=*/true},
    {"fixed", 2, 16, getFixedPoints, /*hasScales=*/false}};

static const Family *findFamily(StringRef text) {
  StringRef name = text.take_until([](char c) { return c == '<'; });
  for (const Family &family : kFamilies)
    if (name == family.name && name.size() < text.size())
      return &family;
  return nullptr;
}

bool mlir::qfmt::isFormatFamily(StringRef text) { return findFamily(text); }

/// The members of what `text`, which begins with the name of a family, says.
static FailureOr<Formats>
getMembers(const Family &family, StringRef text, MLIRContext *context,
           IntegerBitsFn getIntegerBits,
           function_ref<InFlightDiagnostic()> emitError) {
  auto [name, rule] = text.split(':');
  StringRef digits = name.drop_front(family.name.size() + 1);
  unsigned width;
  bool isClosed = digits.consume_back(">");
  if (!isClosed || digits.trim().getAsInteger(10, width) ||
      width < family.leastWidth || width > family.largestWidth)
    return emitError() << "'" << name << "' is no family of formats; "
                       << family.name << "<n> has n = " << family.leastWidth
                       << " to " << family.largestWidth << " bits";
  if (!family.hasScales && text.contains(':'))
    return emitError() << "'" << name << "' has no scales, drop ':" << rule
                       << "'";
  return family.getMembers(context, width, getIntegerBits);
}

/// The formats that one side may have.
static FailureOr<Formats>
parseSide(StringRef text, OperandFormat::Side side, MLIRContext *context,
          IntegerBitsFn getIntegerBits,
          function_ref<InFlightDiagnostic()> emitError) {
  const Family *family = findFamily(text);
  if (!family) {
    FailureOr<OperandFormat> format =
        OperandFormat::parse(text, side, context, emitError);
    if (failed(format))
      return failure();
    return Formats{*format};
  }
  context->getOrLoadDialect<QFmtDialect>();
  FailureOr<Formats> members =
      getMembers(*family, text, context, getIntegerBits, emitError);
  if (failed(members))
    return failure();
  // Each as if it had been written: with the rule, and all checks.
  StringRef rule = text.substr(text.find(':'));
  for (OperandFormat &member : *members) {
    FailureOr<OperandFormat> format = OperandFormat::parse(
        member.str() + rule.str(), side, context, emitError);
    if (failed(format))
      return failure();
    member = *format;
  }
  return members;
}

void IntegerBits::include(std::optional<IntegerBits> &bits, double magnitude) {
  // From -2^(I - 1) to one step below 2^(I - 1).
  int64_t integer = std::ilogb(magnitude) + 2;
  if (!bits)
    bits = IntegerBits{integer, integer};
  bits->least = std::min(bits->least, integer);
  bits->largest = std::max(bits->largest, integer);
}

FailureOr<CandidateFamily>
mlir::qfmt::parseCandidateFamily(StringRef text, MLIRContext *context,
                                 const FamilyRanges &ranges,
                                 function_ref<InFlightDiagnostic()> emitError) {
  auto sides = splitFormatChoice(text, emitError);
  if (failed(sides))
    return failure();
  using Side = OperandFormat::Side;
  FailureOr<Formats> weights = parseSide(sides->first, Side::Weights, context,
                                         ranges.weights, emitError);
  if (failed(weights))
    return failure();
  FailureOr<Formats> activations = parseSide(
      sides->second, Side::Activations, context, ranges.activations, emitError);
  if (failed(activations))
    return failure();
  return CandidateFamily{std::move(*weights), std::move(*activations)};
}
