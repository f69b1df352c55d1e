// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// <name>_f32, for callers that hold floats: it quantizes its arguments, calls
// <name> and dequantizes the results.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_FLOATWRAPPER_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_FLOATWRAPPER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::qfmt {

/// Fails with a diagnostic if `module` has something of the wrapper's name.
LogicalResult verifyWrapperName(ModuleOp module, func::FuncOp function);

/// Adds the wrapper of `function`, an integer function, after it.
void emitFloatWrapper(func::FuncOp function);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_FLOATWRAPPER_H
