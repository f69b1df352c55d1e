// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ParameterList.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace mlir::qfmt;

static ParseResult emitUnknownKey(AsmParser &parser, SMLoc loc, StringRef key,
                                  ArrayRef<Parameter> parameters) {
  InFlightDiagnostic diag = parser.emitError(loc) << "expected ";
  for (auto [index, parameter] : llvm::enumerate(parameters)) {
    bool isLast = index + 1 == parameters.size();
    diag << (index == 0 ? "'"
             : isLast   ? " or '"
                        : ", '")
         << parameter.key << "'";
  }
  return diag << ", found '" << key << "'";
}

ParseResult mlir::qfmt::parseParameterList(AsmParser &parser,
                                           ArrayRef<Parameter> parameters) {
  llvm::SmallBitVector given(parameters.size());
  do {
    SMLoc loc = parser.getCurrentLocation();
    StringRef key;
    if (parser.parseKeyword(&key))
      return failure();
    const Parameter *parameter = llvm::find_if(
        parameters, [&](const Parameter &p) { return p.key == key; });
    if (parameter == parameters.end())
      return emitUnknownKey(parser, loc, key, parameters);
    size_t index = parameter - parameters.begin();
    if (given.test(index))
      return parser.emitError(loc) << "'" << key << "' is given twice";
    given.set(index);
    if ((!parameter->isFlag && parser.parseEqual()) || parameter->parse())
      return failure();
  } while (succeeded(parser.parseOptionalComma()));
  return success();
}
