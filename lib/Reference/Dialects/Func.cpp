// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// func.call; func.return is a terminator like any other.

#include "../Call.h"
#include "../Frame.h"
#include "../Handlers.h"

using namespace mlir;

namespace mlir::qfmt::reference {

/// True if a value of shape and types as `value` has may be passed as `type`.
static bool isCompatible(const Value &value, Type type) {
  auto shaped = dyn_cast<RankedTensorType>(type);
  if (!shaped)
    return !value.isEncoded() && value.getTensor().getRank() == 0 &&
           value.getTensor().getElementType() == type;
  RankedTensorType found = value.isEncoded() ? value.getEncodedType().getType()
                                             : value.getTensor().getType();
  if (found.getElementType() != shaped.getElementType() ||
      found.getRank() != shaped.getRank() ||
      value.isEncoded() != EncodedTensorType::isEncoded(type) ||
      (value.isEncoded() && found.getEncoding() != shaped.getEncoding()))
    return false;
  return llvm::all_of(
      llvm::zip(found.getShape(), shaped.getShape()), [](auto sizes) {
        auto [size, expected] = sizes;
        return ShapedType::isDynamic(expected) || size == expected;
      });
}

static LogicalResult checkArguments(func::FuncOp function,
                                    ArrayRef<Value> arguments) {
  if (arguments.size() != function.getNumArguments())
    return function.emitOpError() << "takes " << function.getNumArguments()
                                  << " arguments, found " << arguments.size();
  for (auto [i, value] : llvm::enumerate(arguments)) {
    Type expected = function.getArgumentTypes()[i];
    if (isCompatible(value, expected))
      continue;
    Type found = value.isEncoded() ? value.getEncodedType().getType()
                                   : value.getTensor().getType();
    return function.emitOpError() << "argument " << i << " must be " << expected
                                  << ", found " << found;
  }
  return success();
}

FailureOr<SmallVector<Value>> call(func::FuncOp function,
                                   SmallVector<Value> arguments,
                                   const EvaluatorOptions &options,
                                   unsigned depth) {
  if (function.isExternal())
    return function.emitOpError()
           << "is only declared; the evaluator needs its body";
  if (depth > options.maxCallDepth)
    return function.emitOpError()
           << "is called more than " << options.maxCallDepth << " levels deep";
  if (failed(checkArguments(function, arguments)))
    return failure();
  Frame frame(options, depth);
  return frame.runRegion(function.getBody(), std::move(arguments));
}

static LogicalResult evaluateCall(func::CallOp op, Frame &frame) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, op.getCalleeAttr());
  if (!callee)
    return op.emitOpError() << "calls '" << op.getCallee()
                            << "', which is no func.func in scope";
  SmallVector<Value> arguments;
  for (OpOperand &operand : op->getOpOperands())
    arguments.push_back(frame.take(operand));
  FailureOr<SmallVector<Value>> results = call(
      callee, std::move(arguments), frame.getOptions(), frame.getDepth() + 1);
  if (failed(results))
    return failure();
  for (auto [result, value] : llvm::zip_equal(op.getResults(), *results))
    frame.set(result, std::move(value));
  return success();
}

void registerFuncHandlers(HandlerTable &table) {
  table.add<func::CallOp, evaluateCall>(Encoded::Handled);
}

} // namespace mlir::qfmt::reference
