// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_LIB_IR_FORMATS_OPTIONALKEYWORD_H
#define QFMT_LIB_IR_FORMATS_OPTIONALKEYWORD_H

#include "mlir/IR/OpImplementation.h"

namespace mlir::qfmt {

/// (`,` keyword)? as the last parameter of a type.
inline ParseResult parseOptionalKeywordAfterComma(AsmParser &parser,
                                                  StringRef keyword,
                                                  bool &isThere) {
  isThere = succeeded(parser.parseOptionalComma());
  return isThere ? parser.parseKeyword(keyword) : ParseResult(success());
}

} // namespace mlir::qfmt

#endif // QFMT_LIB_IR_FORMATS_OPTIONALKEYWORD_H
