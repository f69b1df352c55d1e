// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The syntax that tensor formats share: `key = value`, each key at most once,
// in any order.

#ifndef QFMT_LIB_IR_FORMATS_PARAMETERLIST_H
#define QFMT_LIB_IR_FORMATS_PARAMETERLIST_H

#include "mlir/IR/OpImplementation.h"

namespace mlir::qfmt {

/// A key and what parses its value.
struct Parameter {
  StringRef key;
  function_ref<ParseResult()> parse;
};

/// key `=` value (`,` key `=` value)*, or nothing if there is no key. Names the
/// keys in the diagnostic of an unknown one.
ParseResult parseParameterList(AsmParser &parser,
                               ArrayRef<Parameter> parameters);

} // namespace mlir::qfmt

#endif // QFMT_LIB_IR_FORMATS_PARAMETERLIST_H
