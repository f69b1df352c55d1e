// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// !qfmt.khot<W, K>: integers whose magnitude has at most K one bits (spec C55).
// QFX (Zhang et al., 2024).

#include "qfmt/Support/KHot.h"
#include "TypeSyntax.h"
#include "qfmt/IR/QFmt.h"

using namespace mlir;
using namespace mlir::qfmt;

Type KHotType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  unsigned width, ones;
  bool isUnsigned = false;
  if (parser.parseLess() || parseCount(parser, width) || parser.parseComma() ||
      parseCount(parser, ones) ||
      parseOptionalKeywordAfterComma(parser, "unsigned", isUnsigned) ||
      parser.parseGreater())
    return {};
  auto emitError = [&] { return parser.emitError(loc); };
  return getChecked(emitError, parser.getContext(), width, ones, !isUnsigned);
}

void KHotType::print(AsmPrinter &printer) const {
  printer << "<" << getWidth() << ", " << getOnes()
          << (getIsSigned() ? ">" : ", unsigned>");
}

LogicalResult KHotType::verify(function_ref<InFlightDiagnostic()> emitError,
                               unsigned width, unsigned ones, bool isSigned) {
  StringRef reason = KHotSpec{width, ones, isSigned}.getInvalidReason();
  if (!reason.empty())
    return emitError() << "!qfmt.khot<" << width << ", " << ones
                       << (isSigned ? "> " : ", unsigned> ") << reason;
  if (!isSigned && ones == width)
    return emitError() << "!qfmt.khot<" << width << ", " << ones
                       << ", unsigned> is ui" << width << ", use that";
  return success();
}

static KHotSpec getSpec(KHotType type) {
  return {type.getWidth(), type.getOnes(), type.getIsSigned()};
}

ValueTable KHotType::buildTable() const { return getSpec(*this).getTable(); }

double KHotType::decodeUnused(uint64_t code) const {
  return getSpec(*this).decode(code);
}
