// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes a network's intermediate tensors results of its public functions, so
// that two levels can be compared layer by layer. Changes no number.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qfmt/Transforms/Passes.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_EXPOSEINTERMEDIATES
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

/// The real value that `op` makes available, null if it is of no interest.
static Value getIntermediate(Operation *op, OpBuilder &builder) {
  if (auto observe = dyn_cast<ObserveOp>(op)) {
    // It has no other purpose than to be read.
    Value value = observe.getInput();
    observe.getResult().replaceAllUsesWith(value);
    observe.erase();
    return value;
  }
  auto quantize = dyn_cast<QuantizeOp>(op);
  if (!quantize)
    return nullptr;
  builder.setInsertionPointAfter(op);
  return DequantizeOp::create(builder, op->getLoc(),
                              quantize.getInput().getType(),
                              quantize.getResult());
}

/// Appends the intermediate tensors to the results of `function`, in the order
/// in which they are computed.
static LogicalResult exposeIn(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return function.emitError()
           << "function has control flow; only functions of one block can "
              "expose their intermediate tensors";
  Block &body = function.getBody().front();
  auto terminator = dyn_cast<func::ReturnOp>(body.getTerminator());
  if (!terminator)
    return function.emitError()
           << "function ends with '" << body.getTerminator()->getName()
           << "'; only functions that return can expose their intermediate "
              "tensors";
  OpBuilder builder(function);
  SmallVector<Value> exposed;
  for (Operation &op : llvm::make_early_inc_range(body))
    if (Value value = getIntermediate(&op, builder))
      exposed.push_back(value);

  terminator.getOperandsMutable().append(exposed);
  SmallVector<DictionaryAttr> attributes(exposed.size(),
                                         builder.getDictionaryAttr({}));
  SmallVector<unsigned> positions(exposed.size(), function.getNumResults());
  return function.insertResults(positions, ValueRange(exposed).getTypes(),
                                attributes);
}

namespace {
struct ExposeIntermediatesPass
    : qfmt::impl::ExposeIntermediatesBase<ExposeIntermediatesPass> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal() &&
          failed(exposeIn(function)))
        return signalPassFailure();
  }
};
} // namespace
