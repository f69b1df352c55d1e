// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Frame.h"
#include "Elementwise.h"
#include "Handlers.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace mlir::qfmt::reference {

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

const Value &Frame::get(mlir::Value value) const {
  auto it = values.find(value);
  assert(it != values.end() && "read before definition or after last use");
  return it->second;
}

SmallVector<int64_t>
Frame::getIntegers(ArrayRef<OpFoldResult> foldResults) const {
  return llvm::map_to_vector(foldResults, [&](OpFoldResult value) -> int64_t {
    if (auto attribute = dyn_cast<Attribute>(value))
      return cast<IntegerAttr>(attribute).getInt();
    return getInteger(cast<mlir::Value>(value));
  });
}

SmallVector<Scalar> Frame::getScalars(ValueRange operands) const {
  return llvm::map_to_vector(
      operands, [&](mlir::Value value) { return getScalar(value); });
}

SmallVector<int64_t> Frame::getIndices(ValueRange operands) const {
  return llvm::map_to_vector(
      operands, [&](mlir::Value value) { return getInteger(value); });
}

//===----------------------------------------------------------------------===//
// Last uses
//===----------------------------------------------------------------------===//

ArrayRef<mlir::Value> Frame::getDying(Operation *op) {
  Block *block = op->getBlock();
  if (analyzed.insert(block).second) {
    auto addLastUse = [&](mlir::Value value, Operation *last) {
      for (Operation *user : value.getUsers()) {
        Operation *here = block->findAncestorOpInBlock(*user);
        if (!last || last->isBeforeInBlock(here))
          last = here;
      }
      if (last)
        dying[last].push_back(value);
    };
    for (BlockArgument argument : block->getArguments())
      addLastUse(argument, nullptr);
    for (Operation &definition : *block)
      for (mlir::Value result : definition.getResults())
        addLastUse(result, &definition);
  }
  auto it = dying.find(op);
  return it == dying.end() ? ArrayRef<mlir::Value>() : it->second;
}

Value Frame::take(OpOperand &operand) {
  Operation *op = operand.getOwner();
  mlir::Value value = operand.get();
  // Another operand, or something inside of the operation's regions, may read
  // the same value.
  unsigned uses = llvm::count_if(value.getUses(), [&](OpOperand &use) {
    return op->isAncestor(use.getOwner());
  });
  if (uses > 1 || !llvm::is_contained(getDying(op), value))
    return get(value);
  auto it = values.find(value);
  Value result = std::move(it->second);
  values.erase(it);
  return result;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

static LogicalResult runHandler(Operation &op, Frame &frame) {
  const HandlerTable &table = getHandlerTable();
  HandlerTable::Entry entry = table.lookup(&op);
  bool isScalarOp = !entry.handler && table.lookupScalar(&op);
  if (!entry.handler && !isScalarOp)
    return op.emitOpError() << "has no reference semantics";
  if (entry.encoded == Encoded::Refused)
    for (TypeRange types :
         {TypeRange(op.getOperandTypes()), TypeRange(op.getResultTypes())})
      for (Type type : types)
        if (EncodedTensorType::isEncoded(type))
          return op.emitOpError()
                 << "has no reference semantics on the encoded tensor " << type
                 << "; dequantize it first";
  return isScalarOp ? evaluateElementwise(&op, frame)
                    : entry.handler(&op, frame);
}

LogicalResult Frame::run(Operation &op) {
  if (failed(runHandler(op, *this)))
    return failure();
  if (options.probe) {
    SmallVector<Value> results;
    for (mlir::Value result : op.getResults())
      results.push_back(get(result));
    options.probe(&op, results);
  }
  for (mlir::Value value : getDying(&op))
    values.erase(value);
  return success();
}

FailureOr<SmallVector<Value>> Frame::runRegion(Region &region,
                                               SmallVector<Value> arguments) {
  if (!region.hasOneBlock())
    return region.getParentOp()->emitOpError()
           << "has a region of several blocks; only structured control flow "
              "has reference semantics";
  return runBlock(region.front(), std::move(arguments));
}

FailureOr<SmallVector<Value>> Frame::runBlock(Block &block,
                                              SmallVector<Value> arguments) {
  for (auto [argument, value] :
       llvm::zip_equal(block.getArguments(), arguments))
    set(argument, std::move(value));
  for (Operation &op : block.without_terminator())
    if (failed(run(op)))
      return failure();
  SmallVector<Value> results;
  for (OpOperand &operand : block.getTerminator()->getOpOperands())
    results.push_back(take(operand));
  return results;
}

} // namespace mlir::qfmt::reference
