// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which function evaluates which operation. Each dialect fills the table from
// its own file.

#ifndef QFMT_LIB_REFERENCE_HANDLERS_H
#define QFMT_LIB_REFERENCE_HANDLERS_H

#include "ScalarOps.h"

namespace mlir::qfmt::reference {

class Frame;

/// Evaluates `op`: reads its operands from the frame, sets its results.
using Handler = LogicalResult (*)(Operation *op, Frame &frame);

/// Whether a handler expects encoded operands or results; an operation that
/// does not is refused before its handler runs.
enum class Encoded { Refused, Handled };

class HandlerTable {
public:
  struct Entry {
    Handler handler = nullptr;
    Encoded encoded = Encoded::Refused;
  };

  /// `handler` takes the operation as what it is.
  template <typename OpT, LogicalResult (*handler)(OpT, Frame &)>
  void add(Encoded encoded = Encoded::Refused) {
    handlers[TypeID::get<OpT>()] = {callTyped<OpT, handler>, encoded};
  }
  /// For every operation of an interface that has no handler of its own.
  template <typename InterfaceT, LogicalResult (*handler)(InterfaceT, Frame &)>
  void addInterface(Encoded encoded = Encoded::Refused) {
    interfaces.push_back({[](Operation *op) { return isa<InterfaceT>(op); },
                          {callTyped<InterfaceT, handler>, encoded}});
  }
  /// Operations on scalars; on tensors they act element by element.
  template <typename OpT>
  void addScalar(ScalarEmitter emitter) {
    scalars[TypeID::get<OpT>()] = emitter;
  }

  /// Null members if there is none.
  Entry lookup(Operation *op) const;
  ScalarEmitter lookupScalar(Operation *op) const;

private:
  template <typename OpT, LogicalResult (*handler)(OpT, Frame &)>
  static LogicalResult callTyped(Operation *op, Frame &frame) {
    return handler(cast<OpT>(op), frame);
  }

  DenseMap<TypeID, Entry> handlers;
  SmallVector<std::pair<bool (*)(Operation *), Entry>> interfaces;
  DenseMap<TypeID, ScalarEmitter> scalars;
};

/// The table of all dialects, made at the first call.
const HandlerTable &getHandlerTable();

/// One a file under Dialects/.
void registerAffineHandlers(HandlerTable &table);
void registerArithHandlers(HandlerTable &table);
void registerArithCastHandlers(HandlerTable &table);
void registerControlFlowHandlers(HandlerTable &table);
void registerFuncHandlers(HandlerTable &table);
void registerLinalgHandlers(HandlerTable &table);
void registerMathHandlers(HandlerTable &table);
void registerQFmtHandlers(HandlerTable &table);
void registerScfHandlers(HandlerTable &table);
void registerTensorHandlers(HandlerTable &table);

} // namespace mlir::qfmt::reference

#endif // QFMT_LIB_REFERENCE_HANDLERS_H
