// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a body computes from a code of few bits, or from an entry of a table, is
// itself a table. Its entries are computed at compile time, by the folders of
// the operations, so that they are the same numbers.

#ifndef QFMT_CODEGEN_PRODUCTS_CODETABLES_H
#define QFMT_CODEGEN_PRODUCTS_CODETABLES_H

#include "mlir/IR/Block.h"

namespace mlir::qfmt {

/// An argument that is a function of a code.
struct CodeArgument {
  BlockArgument argument;
  /// The argument's values for the codes 0, 1, 2 ...
  SmallVector<Attribute> values;
  /// The code in 32 bits, an argument that is added where it is needed.
  BlockArgument code;
};

/// Replaces operations of `body` by qfmt.lookup. `result` is the value that the
/// body computes.
void foldIntoTables(Block &body, Value &result,
                    MutableArrayRef<CodeArgument> codes);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_CODETABLES_H
