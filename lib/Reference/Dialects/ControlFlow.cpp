// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cf.assert, which front doors leave beside dynamic shapes and indices.

#include "../Frame.h"
#include "../Handlers.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"

using namespace mlir;

namespace mlir::qfmt::reference {

static LogicalResult evaluateAssert(cf::AssertOp op, Frame &frame) {
  if (frame.getInteger(op.getArg()))
    return success();
  return op.emitOpError() << "fails: " << op.getMsg();
}

void registerControlFlowHandlers(HandlerTable &table) {
  table.add<cf::AssertOp, evaluateAssert>();
}

} // namespace mlir::qfmt::reference
