// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Engine.h"
#include "CompiledCall.h"
#include "qfmt/Reference/Evaluator.h"

using namespace mlir;
using namespace mlir::qfmt;

/// The reference evaluator's tensor of one buffer.
static FailureOr<reference::Tensor> makeTensor(RankedTensorType type,
                                               const TensorView &view,
                                               func::FuncOp function) {
  auto shaped = RankedTensorType::get(view.shape, type.getElementType());
  int64_t bytes =
      shaped.getNumElements() *
      reference::Tensor::getBytesPerElement(shaped.getElementType());
  return reference::Tensor::fromBytes(
      shaped, ArrayRef(static_cast<const char *>(view.data), bytes),
      [&] { return function.emitError(); });
}

/// Takes one buffer for an ordinary argument, one for each constituent of an
/// encoded one.
static FailureOr<reference::Value>
makeValue(Type type, ArrayRef<TensorView> &inputs, func::FuncOp function) {
  EncodedTensorType encoded = EncodedTensorType::get(type);
  if (!encoded) {
    auto tensor =
        makeTensor(cast<RankedTensorType>(type), inputs.front(), function);
    if (failed(tensor))
      return failure();
    inputs = inputs.drop_front();
    return reference::Value(std::move(*tensor));
  }
  encoded = encoded.withSizesOf(inputs.front().shape);
  SmallVector<reference::Tensor> parts;
  for (Type part : encoded.getConstituentTypes()) {
    auto tensor =
        makeTensor(cast<RankedTensorType>(part), inputs.front(), function);
    if (failed(tensor))
      return failure();
    parts.push_back(std::move(*tensor));
    inputs = inputs.drop_front();
  }
  return reference::Value(encoded, parts);
}

static TensorResult makeResult(const reference::Tensor &tensor) {
  auto bytes = std::make_shared<std::vector<char>>(tensor.toBytes());
  return {bytes->data(), SmallVector<int64_t>(tensor.getShape()), bytes};
}

FailureOr<SmallVector<reference::Value>>
mlir::qfmt::makeValues(TypeRange types, ArrayRef<TensorView> buffers,
                       func::FuncOp function) {
  SmallVector<reference::Value> values;
  for (Type type : types) {
    FailureOr<reference::Value> value = makeValue(type, buffers, function);
    if (failed(value))
      return failure();
    values.push_back(std::move(*value));
  }
  return values;
}

SmallVector<TensorResult>
mlir::qfmt::makeBuffers(ArrayRef<reference::Value> values) {
  SmallVector<TensorResult> buffers;
  for (const reference::Value &value : values) {
    if (!value.isEncoded()) {
      buffers.push_back(makeResult(value.getTensor()));
      continue;
    }
    for (const reference::Tensor &part : value.getConstituents())
      buffers.push_back(makeResult(part));
  }
  return buffers;
}

static FailureOr<Engine> makeJIT(ModuleOp module, const Options &options,
                                 const GpuLibrary *gpu) {
  CompileOptions compile = getCompileOptions(options);
  llvm::append_range(compile.symbols, getCheckedFunctions());
  if (gpu)
    llvm::append_range(compile.symbols, gpu->getSymbols());
  auto compiled = CompiledFunction::compile(module, compile);
  if (failed(compiled) || (gpu && failed(gpu->check())))
    return failure();
  std::shared_ptr<CompiledFunction> function = std::move(*compiled);
  return Engine([function, gpu](ArrayRef<TensorView> inputs)
                    -> FailureOr<SmallVector<TensorResult>> {
    auto results = callCompiled(*function, inputs);
    if (gpu && failed(gpu->check()))
      return failure();
    return results;
  });
}

static FailureOr<Engine> makeReference(ModuleOp module,
                                       const Options &options) {
  auto function = module.lookupSymbol<func::FuncOp>(options.entry);
  return Engine([function](ArrayRef<TensorView> inputs) mutable
                    -> FailureOr<SmallVector<TensorResult>> {
    auto arguments = makeValues(function.getArgumentTypes(), inputs, function);
    if (failed(arguments))
      return failure();
    auto values = reference::evaluate(function, *arguments);
    if (failed(values))
      return failure();
    return makeBuffers(*values);
  });
}

FailureOr<Engine> mlir::qfmt::makeEngine(ModuleOp module,
                                         const Options &options,
                                         const GpuLibrary *gpu) {
  return options.engine == EngineKind::JIT ? makeJIT(module, options, gpu)
                                           : makeReference(module, options);
}
