// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Handlers.h"

using namespace mlir;

namespace mlir::qfmt::reference {

HandlerTable::Entry HandlerTable::lookup(Operation *op) const {
  if (!op->isRegistered())
    return {};
  auto it = handlers.find(op->getName().getTypeID());
  if (it != handlers.end())
    return it->second;
  for (const auto &[implements, entry] : interfaces)
    if (implements(op))
      return entry;
  return {};
}

ScalarEmitter HandlerTable::lookupScalar(Operation *op) const {
  return op->isRegistered() ? scalars.lookup(op->getName().getTypeID())
                            : nullptr;
}

const HandlerTable &getHandlerTable() {
  static const HandlerTable table = [] {
    HandlerTable result;
    registerAffineHandlers(result);
    registerArithHandlers(result);
    registerArithCastHandlers(result);
    registerControlFlowHandlers(result);
    registerFuncHandlers(result);
    registerLinalgHandlers(result);
    registerMathHandlers(result);
    registerQFmtHandlers(result);
    registerScfHandlers(result);
    registerTensorHandlers(result);
    return result;
  }();
  return table;
}

} // namespace mlir::qfmt::reference
