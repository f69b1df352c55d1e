// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LayerFormats.h"
#include "../Layers.h"
#include "qfmt/IR/LayerAttributes.h"

using namespace mlir;
using namespace mlir::qfmt;

static LogicalResult verifyData(LayerFormat &layer) {
  TensorFormat format = layer.dataEncoding.format;
  auto type = cast<RankedTensorType>(layer.data->get().getType());
  if (!format)
    return success();
  return format.verifyEncoding(type.getShape(), type.getElementType(), [&] {
    return layer.op.emitOpError()
           << "reads data that " << layer.choice.activations.str()
           << " cannot encode: ";
  });
}

FailureOr<LayerFormats> LayerFormats::collect(ModuleOp module,
                                              const FormatChoice &byDefault) {
  FailureOr<SmallVector<Layer>> named = collectLayers(module);
  if (failed(named))
    return failure();
  LayerFormats result;
  for (Layer &layer : *named) {
    FailureOr<std::optional<FormatChoice>> assigned = layer.getAssigned();
    if (failed(assigned))
      return failure();
    FormatChoice choice = assigned->value_or(byDefault);
    LayerFormat format{
        layer.name,
        layer.op,
        layer.data,
        choice,
        assigned->has_value(),
        getDataEncoding(choice.activations, layer.op, *layer.data)};
    if (failed(verifyData(format)))
      return failure();
    result.readers[layer.data] = result.layers.size();
    result.layers.push_back(format);
  }
  for (LayerFormat &layer : result.layers)
    layer.op->removeAttr(kAssignedAttr);
  return result;
}

const LayerFormat *LayerFormats::findReader(OpOperand &use) const {
  auto found = readers.find(&use);
  return found == readers.end() ? nullptr : &layers[found->second];
}
