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

/// Takes the buffers of one argument off the front.
static FailureOr<Value> readArgument(func::FuncOp function, Type type,
                                     ArrayRef<ArrayRef<char>> &buffers) {
  auto encoded = EncodedTensorType::get(type);
  SmallVector<Type> stored{type};
  if (encoded)
    stored = encoded.getConstituentTypes();
  SmallVector<Tensor> parts;
  for (Type part : stored) {
    auto tensorType = dyn_cast<RankedTensorType>(part);
    if (!tensorType || !tensorType.hasStaticShape() || buffers.empty())
      return function.emitError()
             << "takes one buffer for each tensor of static shape, found "
             << part << (buffers.empty() ? " and no buffer" : "");
    auto tensor = Tensor::fromBytes(tensorType, buffers.front(),
                                    [&] { return function.emitError(); });
    if (failed(tensor))
      return failure();
    parts.push_back(std::move(*tensor));
    buffers = buffers.drop_front();
  }
  return encoded ? Value(encoded, parts) : Value(std::move(parts.front()));
}

FailureOr<SmallVector<Tensor>>
evaluateBuffers(func::FuncOp function, ArrayRef<ArrayRef<char>> buffers,
                const EvaluatorOptions &options) {
  SmallVector<Value> arguments;
  for (Type type : function.getArgumentTypes()) {
    FailureOr<Value> argument = readArgument(function, type, buffers);
    if (failed(argument))
      return failure();
    arguments.push_back(std::move(*argument));
  }
  if (!buffers.empty())
    return function.emitError()
           << "has " << buffers.size() << " buffers too many";
  auto results = evaluate(function, arguments, options);
  if (failed(results))
    return failure();
  SmallVector<Tensor> tensors;
  for (const Value &result : *results)
    if (result.isEncoded())
      llvm::append_range(tensors, result.getConstituents());
    else
      tensors.push_back(result.getTensor());
  return tensors;
}

} // namespace mlir::qfmt::reference
