// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Reference/Evaluator.h"
#include "Call.h"

using namespace mlir;

namespace mlir::qfmt::reference {

FailureOr<SmallVector<Value>> evaluate(func::FuncOp function,
                                       ArrayRef<Value> arguments,
                                       const EvaluatorOptions &options) {
  return call(function, llvm::to_vector(arguments), options, /*depth=*/0);
}

} // namespace mlir::qfmt::reference
