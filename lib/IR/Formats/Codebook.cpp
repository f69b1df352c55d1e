// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// !qfmt.codebook<[v0, v1, ...]>: any numbers, the code is the index (spec C53).

#include "mlir/IR/Builders.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Support/Codebook.h"

using namespace mlir;
using namespace mlir::qfmt;

Type CodebookType::parse(AsmParser &parser) {
  SmallVector<double> values;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() ||
      parser.parseCommaSeparatedList(
          AsmParser::Delimiter::Square,
          [&] { return parser.parseFloat(values.emplace_back()); }) ||
      parser.parseGreater())
    return {};
  auto emitError = [&] { return parser.emitError(loc); };
  return getChecked(emitError, parser.getContext(),
                    DenseF64ArrayAttr::get(parser.getContext(), values));
}

void CodebookType::print(AsmPrinter &printer) const {
  printer << "<[";
  llvm::interleaveComma(getValues().asArrayRef(), printer, [&](double value) {
    printer.printFloat(APFloat(value));
  });
  printer << "]>";
}

LogicalResult
CodebookType::verify(function_ref<InFlightDiagnostic()> emitError,
                     DenseF64ArrayAttr values) {
  std::string reason = getCodebookInvalidReason(values);
  if (!reason.empty())
    return emitError() << "!qfmt.codebook " << reason;
  return success();
}

ValueTable CodebookType::buildTable() const {
  return makeCodebook(getValues());
}

double CodebookType::decodeUnused(uint64_t) const {
  return getValues().asArrayRef().back();
}
