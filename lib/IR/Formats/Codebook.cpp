// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// !qfmt.codebook<[v0, v1, ...]>: any numbers, the code is the index (spec C53).

#include "qfmt/Support/Codebook.h"
#include "mlir/IR/Builders.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

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

/// 2^N values i * 2^-f are unsigned fixed point, as is each of their roundings.
static LogicalResult
verifyIsNoFixedPoint(ArrayRef<double> values,
                     function_ref<InFlightDiagnostic()> emitError) {
  int exponent;
  if (!llvm::isPowerOf2_64(values.size()) ||
      std::frexp(values[1], &exponent) != 0.5)
    return success();
  for (auto [i, value] : llvm::enumerate(values))
    if (value != double(i) * values[1])
      return success();
  unsigned width = llvm::Log2_64(values.size());
  // The unit is 2^(exponent - 1).
  int64_t integerBits = int64_t(width) + exponent - 1;
  InFlightDiagnostic diag = emitError();
  diag << "!qfmt.codebook with the multiples of " << values[1] << " from 0 to "
       << values.back() << " is ";
  if (integerBits == width)
    return diag << "ui" << width << ", use that";
  return diag << "!qfmt.fixed<" << width << ", " << integerBits
              << ", unsigned>, use that";
}

LogicalResult CodebookType::verify(function_ref<InFlightDiagnostic()> emitError,
                                   DenseF64ArrayAttr values) {
  std::string reason = getCodebookInvalidReason(values);
  if (!reason.empty())
    return emitError() << "!qfmt.codebook " << reason;
  return verifyIsNoFixedPoint(values, emitError);
}

ValueTable CodebookType::buildTable() const {
  return makeCodebook(getValues());
}

double CodebookType::decodeUnused(uint64_t) const {
  return getValues().asArrayRef().back();
}
