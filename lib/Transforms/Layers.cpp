// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Layers.h"
#include "WeightedSum.h"
#include "qfmt/IR/LayerAttributes.h"

using namespace mlir;
using namespace mlir::qfmt;

FailureOr<std::optional<FormatChoice>> Layer::getAssigned() {
  auto text = op->getAttrOfType<StringAttr>(kAssignedAttr);
  if (!text)
    return std::optional<FormatChoice>();
  FailureOr<FormatChoice> choice =
      FormatChoice::parse(text.getValue(), op.getContext(), [&] {
        return op.emitOpError() << kAssignedAttr << ": ";
      });
  if (failed(choice))
    return failure();
  return std::optional<FormatChoice>(*choice);
}

/// An attribute that says something about a layer; empty if there is none.
static StringRef findLayerAttr(Operation *op) {
  for (StringRef name :
       {kLayerAttr, kAssignedAttr, kCandidatesAttr, kTieAttr, kForcedAttr})
    if (op->hasAttr(name))
      return name;
  return {};
}

FailureOr<SmallVector<Layer>> mlir::qfmt::collectLayers(ModuleOp module) {
  SmallVector<Layer> layers;
  llvm::StringMap<Operation *> named;
  KindCounter counter;
  WalkResult result = module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    std::optional<WeightedSum> sum = WeightedSum::match(op);
    StringRef attribute = findLayerAttr(op);
    if (!sum && !attribute.empty()) {
      op->emitOpError() << "has '" << attribute
                        << "', but is no contraction with constant weights";
      return WalkResult::interrupt();
    }
    if (!sum)
      return WalkResult::advance();
    std::string name = counter.next(op->getName().stripDialect());
    if (auto given = op->getAttrOfType<StringAttr>(kLayerAttr))
      name = given.str();
    auto [known, isNew] = named.try_emplace(name, op);
    if (!isNew) {
      InFlightDiagnostic diag =
          op->emitOpError() << "has the name of another layer, '" << name
                            << "'; give each its own '" << kLayerAttr << "'";
      diag.attachNote(known->second->getLoc()) << "the other layer";
      return WalkResult::interrupt();
    }
    layers.push_back({std::move(name), sum->op, sum->data, sum->weights});
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  return layers;
}
