// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules by which scalar operations of a body become integer arithmetic.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_BODYRULES_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_BODYRULES_H

#include "BodyBuilder.h"

namespace mlir::qfmt {

/// The models of a body's values so far.
using ScalarModels = llvm::DenseMap<Value, ScalarModel>;

/// Compiles one operation whose operands have models and adds the model of its
/// result. Fails with a diagnostic that names the operation.
LogicalResult compileScalarOp(Operation *op, BodyBuilder &body,
                              ScalarModels &models);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_BODYRULES_H
