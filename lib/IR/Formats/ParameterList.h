// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The syntax that formats share: `key = value` or a flag `key`, each key at
// most once, in any order.

#ifndef QFMT_LIB_IR_FORMATS_PARAMETERLIST_H
#define QFMT_LIB_IR_FORMATS_PARAMETERLIST_H

#include "mlir/IR/OpImplementation.h"

namespace mlir::qfmt {

/// A key and what parses its value; a flag has none, and what it has parsed
/// takes in that it is there.
struct Parameter {
  StringRef key;
  function_ref<ParseResult()> parse;
  bool isFlag = false;
};

/// parameter (`,` parameter)*, each key `=` value, or key for a flag. Names the
/// keys in the diagnostic of an unknown one.
ParseResult parseParameterList(AsmParser &parser,
                               ArrayRef<Parameter> parameters);

} // namespace mlir::qfmt

#endif // QFMT_LIB_IR_FORMATS_PARAMETERLIST_H
