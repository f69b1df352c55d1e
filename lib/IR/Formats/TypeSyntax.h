// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pieces of syntax that number formats share.

#ifndef QFMT_LIB_IR_FORMATS_TYPESYNTAX_H
#define QFMT_LIB_IR_FORMATS_TYPESYNTAX_H

#include "mlir/IR/OpImplementation.h"

namespace mlir::qfmt {

/// A number of bits or the like, not negative: MLIR's own parser of unsigned
/// numbers reads -1 as 4294967295.
inline ParseResult parseCount(AsmParser &parser, unsigned &count) {
  constexpr int64_t kLargest = 65536;
  SMLoc loc = parser.getCurrentLocation();
  int64_t value;
  if (parser.parseInteger(value))
    return failure();
  if (value < 0 || value > kLargest)
    return parser.emitError(loc)
           << "expected a number from 0 to " << kLargest << ", found " << value;
  count = static_cast<unsigned>(value);
  return success();
}

/// (`,` keyword)? as the last parameter of a type.
inline ParseResult parseOptionalKeywordAfterComma(AsmParser &parser,
                                                  StringRef keyword,
                                                  bool &isThere) {
  isThere = succeeded(parser.parseOptionalComma());
  return isThere ? parser.parseKeyword(keyword) : ParseResult(success());
}

} // namespace mlir::qfmt

#endif // QFMT_LIB_IR_FORMATS_TYPESYNTAX_H
