// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites linalg operations to integers, given the models of their operands.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_LINALGREWRITER_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_LINALGREWRITER_H

#include "BodyBuilder.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::qfmt {

/// Rewrites `op`, any linalg operation with static shapes: its body is compiled
/// to integers. `operands` are the models of all its operands, inputs first;
/// returns those of its results.
FailureOr<TensorModels> rewriteLinalgOp(linalg::LinalgOp op,
                                        ArrayRef<TensorModel> operands,
                                        OpBuilder &builder,
                                        const IntegerizeSettings &settings,
                                        IntegerizeCounts &counts);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_LINALGREWRITER_H
