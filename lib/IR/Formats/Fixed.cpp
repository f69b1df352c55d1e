// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// !qfmt.fixed<W, I>: an integer times 2^-(W - I) (spec C51).

#include "qfmt/Support/Fixed.h"
#include "TypeSyntax.h"
#include "qfmt/IR/QFmt.h"

using namespace mlir;
using namespace mlir::qfmt;

static FixedSpec getSpec(FixedType type) {
  return {type.getWidth(), static_cast<int>(type.getIntegerBits()),
          type.getIsSigned()};
}

Type FixedType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  unsigned width;
  int64_t integerBits;
  bool isUnsigned = false;
  if (parser.parseLess() || parseCount(parser, width) || parser.parseComma() ||
      parser.parseInteger(integerBits) ||
      parseOptionalKeywordAfterComma(parser, "unsigned", isUnsigned) ||
      parser.parseGreater())
    return {};
  auto emitError = [&] { return parser.emitError(loc); };
  return getChecked(emitError, parser.getContext(), width, integerBits,
                    !isUnsigned);
}

void FixedType::print(AsmPrinter &printer) const {
  printer << "<" << getWidth() << ", " << getIntegerBits()
          << (getIsSigned() ? ">" : ", unsigned>");
}

LogicalResult FixedType::verify(function_ref<InFlightDiagnostic()> emitError,
                                unsigned width, int64_t integerBits,
                                bool isSigned) {
  // Beyond these the specification's own arithmetic would overflow.
  if (width < 1 || width > 16 || integerBits < -256 || integerBits > 256)
    return emitError() << "!qfmt.fixed needs 1 to 16 bits and values that are "
                          "exact in f32, found <"
                       << width << ", " << integerBits << ">";
  if (integerBits == width)
    return emitError() << "!qfmt.fixed<" << width << ", " << integerBits
                       << (isSigned ? "> is i" : ", unsigned> is ui") << width
                       << ", use that";
  FixedSpec spec{width, static_cast<int>(integerBits), isSigned};
  StringRef reason = spec.getInvalidReason();
  if (!reason.empty())
    return emitError() << "!qfmt.fixed<" << width << ", " << integerBits << "> "
                       << reason;
  return success();
}

LogicalResult
FixedType::verifyFormat(function_ref<InFlightDiagnostic()>) const {
  return success();
}
unsigned FixedType::getFormatWidth() const { return getWidth(); }
double FixedType::decodeCode(uint64_t code) const {
  return getSpec(*this).decode(code);
}
uint64_t FixedType::encodeReal(const ExactReal &value, RoundingMode rounding,
                               OverflowMode overflow, NaNMode) const {
  return getSpec(*this).encode(value, rounding, overflow);
}
double FixedType::getLargest() const { return getSpec(*this).getLargest(); }
double FixedType::getLowest() const { return getSpec(*this).getLowest(); }
double FixedType::getScaleTarget() const {
  // As for integers; one bit and a sign has no positive value.
  return getLargest() > 0 ? getLargest() : -getLowest();
}
bool FixedType::canWrap() const { return true; }
std::optional<IntegerGrid> FixedType::getIntegerGrid() const {
  return getSpec(*this).getIntegerGrid();
}
Type FixedType::getStorageType() const {
  return IntegerType::get(getContext(), getWidth());
}
