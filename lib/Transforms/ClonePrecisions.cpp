//===- ClonePrecisions.cpp - One function for each assignment -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level real or observed.
// Output: each public function that has layers, once for each variant, with
//         `qfmt.assigned` on its layers and the variant's name behind its own.
//         Constants are shared: attributes are not copied.
// Not done: nothing is quantized, that is qfmt-quantize; with formats that have
//         one master (i8, i6@i8, i4@i8) it stores the codes of all variants
//         once. Layers in private functions are refused: which variant calls
//         would have to be followed.
//
//===----------------------------------------------------------------------===//

#include "Layers.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qfmt/IR/LayerAttributes.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_CLONEPRECISIONS
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-clone-precisions"
ALWAYS_ENABLED_STATISTIC(numFunctions, "Functions made");

namespace {
/// One precision of the network.
struct Variant {
  std::string name;
  /// Of every layer, if there is no file.
  std::string formats;
  /// What the file says, by layer.
  std::string file;
  llvm::StringMap<std::string> formatsByLayer;
};
} // namespace

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

/// Formats by layer of a report of qfmt-assign-formats (its `layers`), or of a
/// solution of qfmt-assign (its `choice`).
static llvm::Expected<llvm::StringMap<std::string>> readFile(StringRef path) {
  auto makeError = [&](const Twine &what) {
    return llvm::createStringError("'" + path + "' " + what);
  };
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (std::error_code error = buffer.getError())
    return makeError("cannot be read: " + error.message());
  llvm::Expected<llvm::json::Value> value =
      llvm::json::parse((*buffer)->getBuffer());
  if (!value)
    return makeError("is no JSON: " + llvm::toString(value.takeError()));
  llvm::StringMap<std::string> formats;
  const llvm::json::Object *object = value->getAsObject();
  const llvm::json::Object *choice =
      object ? object->getObject("choice") : nullptr;
  const llvm::json::Array *layers =
      object ? object->getArray("layers") : nullptr;
  if (choice)
    for (const auto &[layer, format] : *choice)
      if (std::optional<StringRef> text = format.getAsString())
        formats[layer.str()] = text->str();
  if (layers)
    for (const llvm::json::Value &entry : *layers) {
      const llvm::json::Object *layer = entry.getAsObject();
      auto name = layer ? layer->getString("name") : std::nullopt;
      auto format = layer ? layer->getString("format") : std::nullopt;
      if (name && format)
        formats[*name] = format->str();
    }
  if (formats.empty())
    return makeError("has no formats of layers; give a report of "
                     "qfmt-assign-formats or a solution of qfmt-assign");
  return formats;
}

/// Reads `name=formats,name=file.json`.
static FailureOr<SmallVector<Variant>>
parseVariants(StringRef text, function_ref<InFlightDiagnostic()> emitError) {
  SmallVector<Variant> variants;
  for (StringRef piece : splitFormatChoices(text)) {
    auto [name, what] = piece.split('=');
    name = name.trim();
    what = what.trim();
    bool isName = !name.empty() && llvm::all_of(name, [](char c) {
      return llvm::isAlnum(c) || c == '_';
    });
    if (!isName || what.empty())
      return emitError() << "'" << piece
                         << "' is no variant; give a name of letters, digits "
                            "and '_', and formats of all layers or a file: "
                            "small=i4@i8/i8, mixed=report.json";
    for (const Variant &variant : variants)
      if (variant.name == name)
        return emitError() << "the variant '" << name << "' is there twice";
    Variant variant{name.str(), {}, {}, {}};
    if (what.ends_with(".json")) {
      auto formats = readFile(what);
      if (!formats)
        return emitError() << llvm::toString(formats.takeError());
      variant.file = what.str();
      variant.formatsByLayer = std::move(*formats);
    } else {
      variant.formats = what.str();
    }
    variants.push_back(std::move(variant));
  }
  return variants;
}

/// What the variant gives the layer, in full; fails with a diagnostic at its
/// operation.
static FailureOr<std::string> getFormats(const Variant &variant, Layer &layer) {
  std::string text = variant.formats;
  if (!variant.file.empty()) {
    auto entry = variant.formatsByLayer.find(layer.name);
    if (entry == variant.formatsByLayer.end())
      return layer.op.emitOpError()
             << "is the layer '" << layer.name << "', of which '"
             << variant.file << "' has no formats";
    text = entry->second;
  }
  FailureOr<FormatChoice> choice =
      FormatChoice::parse(text, layer.op.getContext(), [&] {
        return layer.op.emitOpError()
               << "gets the formats of the variant '" << variant.name << "': ";
      });
  if (failed(choice))
    return failure();
  return choice->str();
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// The functions that have layers, each with those.
static FailureOr<llvm::MapVector<func::FuncOp, SmallVector<Layer>>>
collectFunctions(ModuleOp module) {
  FailureOr<SmallVector<Layer>> layers = collectLayers(module);
  if (failed(layers))
    return failure();
  llvm::MapVector<func::FuncOp, SmallVector<Layer>> functions;
  for (Layer &layer : *layers) {
    auto function = layer.op->getParentOfType<func::FuncOp>();
    if (!function || function->getParentOp() != module || !function.isPublic())
      return layer.op.emitOpError()
             << "is a layer outside of the module's public functions; inline "
                "what these call first";
    functions[function].push_back(layer);
  }
  return functions;
}

namespace {
struct ClonePrecisionsPass
    : qfmt::impl::ClonePrecisionsBase<ClonePrecisionsPass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<SmallVector<Variant>> parsed = parseVariants(variants, [&] {
      return emitError(module.getLoc())
             << "option 'variants' of qfmt-clone-precisions: ";
    });
    if (failed(parsed))
      return signalPassFailure();
    auto functions = collectFunctions(module);
    if (failed(functions))
      return signalPassFailure();
    for (auto &[function, layers] : *functions)
      if (failed(clone(function, layers, *parsed)))
        return signalPassFailure();
  }

private:
  LogicalResult clone(func::FuncOp function, MutableArrayRef<Layer> layers,
                      ArrayRef<Variant> variants);
  LogicalResult assign(func::FuncOp function, MutableArrayRef<Layer> layers,
                       const Variant &variant);
};
} // namespace

/// Writes the formats of a variant onto the layers, and makes the names of
/// layers and observers those of one function of several.
LogicalResult ClonePrecisionsPass::assign(func::FuncOp function,
                                          MutableArrayRef<Layer> layers,
                                          const Variant &variant) {
  Builder builder(&getContext());
  for (Layer &layer : layers) {
    FailureOr<std::string> formats = getFormats(variant, layer);
    if (failed(formats))
      return failure();
    layer.op->setAttr(kAssignedAttr, builder.getStringAttr(*formats));
    layer.op->setAttr(kLayerAttr,
                      builder.getStringAttr(variant.name + "." + layer.name));
    for (StringRef decided : {kCandidatesAttr, kForcedAttr, kTieAttr})
      layer.op->removeAttr(decided);
  }
  function.walk(
      [&](ObserveOp op) { op.setId((variant.name + "." + op.getId()).str()); });
  return success();
}

LogicalResult ClonePrecisionsPass::clone(func::FuncOp function,
                                         MutableArrayRef<Layer> layers,
                                         ArrayRef<Variant> variants) {
  SymbolTable symbols(getOperation());
  OpBuilder builder(function);
  for (const Variant &variant : variants) {
    std::string name = (function.getName() + "_" + variant.name).str();
    if (Operation *other = symbols.lookup(name))
      return other->emitOpError()
             << "has the name of a variant of '" << function.getName() << "', '"
             << name << "'; rename one of them";
    IRMapping mapping;
    auto copy = cast<func::FuncOp>(builder.clone(*function, mapping));
    copy.setName(name);
    SmallVector<Layer> copied(layers);
    for (Layer &layer : copied)
      layer.op = cast<linalg::LinalgOp>(mapping.lookup(layer.op));
    if (failed(assign(copy, copied, variant)))
      return failure();
    ++numFunctions;
  }
  function.erase();
  return success();
}
