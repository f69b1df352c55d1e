//===- Evaluator.h - Runs IR on the host ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reference evaluator: func, scf, arith, math, linalg, tensor,
// affine.apply, cf.assert and qfmt at every level from `real` to
// `constituents`, in exact or double arithmetic, written to be read and
// independent of every lowering. Compiled code is judged by it.
//
// Float arithmetic is IEEE 754 in the type of the operation: + - * / sqrt, fma,
// remainder and conversions are correctly rounded; other functions are the C
// library's double result rounded once to the type. Reductions run in row-major
// order of the iterators. Integers wrap to their width. What MLIR leaves
// undefined or poison (division by zero, a shift beyond the width, fptosi out
// of range, a violated nsw or nuw, an index beyond a tensor or table,
// dyadic_scale outside of its domain) is an error.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_REFERENCE_EVALUATOR_H
#define QFMT_REFERENCE_EVALUATOR_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qfmt/Reference/Value.h"
#include <functional>

namespace mlir::qfmt::reference {

struct EvaluatorOptions {
  /// Called after each evaluated operation that is not inside of a linalg or
  /// tensor body, with its results.
  std::function<void(Operation *, ArrayRef<Value>)> probe;
  /// Calls nested deeper are refused.
  unsigned maxCallDepth = 200;
};

/// Evaluates `function`; callees are looked up in the enclosing module. Every
/// argument must have the element type, the static sizes and the encoding of
/// the function's. Errors are diagnostics on the operation concerned.
FailureOr<SmallVector<Value>> evaluate(func::FuncOp function,
                                       ArrayRef<Value> arguments,
                                       const EvaluatorOptions &options = {});

/// The same with the elements of tensors as they lie in memory: one buffer for
/// each argument, or for each constituent of an encoded one, and one tensor for
/// each result or constituent of it. Arguments have static shapes; a buffer of
/// another size is an error.
FailureOr<SmallVector<Tensor>>
evaluateBuffers(func::FuncOp function, ArrayRef<ArrayRef<char>> buffers,
                const EvaluatorOptions &options = {});

} // namespace mlir::qfmt::reference

#endif // QFMT_REFERENCE_EVALUATOR_H
