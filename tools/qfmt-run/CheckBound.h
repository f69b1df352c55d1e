// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --check-bound: are the bounds that qfmt-integerize states true?

#ifndef QFMT_TOOLS_QFMT_RUN_CHECKBOUND_H
#define QFMT_TOOLS_QFMT_RUN_CHECKBOUND_H

#include "Options.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qfmt/Runtime/Npy.h"

namespace mlir::qfmt {

/// Makes `function`, at level encoded, integer-only and runs it on `inputs`,
/// arrays of its signature, by the engine that `options` names. Each region's
/// codes are compared with what the reference evaluator computes in f64 from
/// the codes that entered the region. Prints a table; fails, with an error that
/// names region and element, if the difference exceeds the region's bound.
LogicalResult checkBound(func::FuncOp function, const Options &options,
                         ArrayRef<NpyArray> inputs);

} // namespace mlir::qfmt

#endif // QFMT_TOOLS_QFMT_RUN_CHECKBOUND_H
