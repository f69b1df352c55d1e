// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The body of a product in groups: what it makes of a group's sums of integers,
// on 16 columns of a row. Tiles differ in how they multiply bytes; all of them
// take this body, group after group, so that results are the same numbers.

#ifndef QFMT_LIB_CODEGEN_CPU_GROUPBODY_H
#define QFMT_LIB_CODEGEN_CPU_GROUPBODY_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/Products/GroupedProduct.h"

namespace mlir::qfmt {

/// True if every operand of the body other than the sums can be read for 16
/// columns of a row.
bool hasReadableBody(const GroupedProduct &product);

/// Where a body is computed: a row, a block of 16 columns, a group.
struct GroupPlace {
  Value row, block, group;
};

/// What becomes of `sum`, 16 lanes, when the group's `integers` are added.
Value emitGroupBody(ImplicitLocOpBuilder &b, const GroupedProduct &product,
                    const GroupPlace &place, Value integers, Value sum);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_GROUPBODY_H
