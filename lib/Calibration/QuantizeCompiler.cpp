// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "QuantizeCompiler.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::qfmt;

ScaledAttr mlir::qfmt::getScaling(TensorFormat format) {
  return llvm::TypeSwitch<Attribute, ScaledAttr>(format)
      .Case([](ScaledAttr scaled) { return scaled; })
      .Case([](SelectAttr select) { return select.getChoice(0); })
      .Case([](AdditiveAttr additive) { return additive.getScaling(); });
}

std::optional<double> mlir::qfmt::getStaticScale(EncodedTensorType type) {
  FloatType element = type.getLogicalElementType();
  // Its choices have scales where it has none.
  if (auto select = dyn_cast<SelectAttr>(Attribute(type.getFormat())))
    return select.getStaticScale(element);
  return getScaling(type.getFormat()).getStaticScale(element);
}

/// What the scales of an encoded value denote; null if they are static.
static Value readScales(OpBuilder &builder, QuantizeOp op) {
  auto type = EncodedTensorType::get(op.getResult().getType());
  if (getStaticScale(type))
    return {};
  ScaledAttr scaling = getScaling(type.getFormat());
  TensorFormat encoding = scaling.getScaleEncoding();
  if (!encoding)
    encoding = cast<TensorFormat>(static_cast<Attribute>(
        ScaledAttr::get(op.getContext(), scaling.getScaleFormat())));
  // A product of scales may have more bits than f32 holds.
  auto reals = RankedTensorType::get(scaling.getBlockGrid(type.getShape()),
                                     builder.getF64Type());
  auto encoded = EncodedTensorType::get(reals, encoding);
  size_t count = encoded.getConstituentTypes().size();
  auto parts = ConstituentsOp::create(builder, op.getLoc(),
                                      type.getConstituentTypes(), op);
  auto scales = AssembleOp::create(builder, op.getLoc(), encoded.getType(),
                                   parts->getResults().slice(1, count));
  return DequantizeOp::create(builder, op.getLoc(), reals, scales);
}

static FailureOr<std::unique_ptr<CompiledFunction>> compile(QuantizeOp op) {
  Location loc = op.getLoc();
  OwningOpRef<ModuleOp> module(ModuleOp::create(loc));
  OpBuilder builder(module->getBodyRegion());
  TypeRange inputs = op->getOperandTypes();
  auto function = func::FuncOp::create(builder, loc, "main",
                                       builder.getFunctionType(inputs, {}));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  auto copy = cast<QuantizeOp>(builder.clone(*op));
  copy->setOperands(body->getArguments());
  SmallVector<Value> results = {copy};
  if (Value scales = readScales(builder, copy))
    results.push_back(scales);
  func::ReturnOp::create(builder, loc, results);
  function.setType(
      builder.getFunctionType(inputs, TypeRange(ValueRange(results))));
  CompileOptions options;
  options.lowering = buildCompilePipeline;
  return CompiledFunction::compile(*module, options);
}

const CompiledFunction *QuantizeCompiler::get(QuantizeOp op) {
  // The types of what is given follow from that of the result.
  Key key(Type(op.getResult().getType()).getAsOpaquePointer(),
          op->getPropertiesAsAttribute().getAsOpaquePointer());
  std::unique_ptr<CompiledFunction> &function = functions[key];
  if (!function) {
    auto compiled = compile(op);
    if (succeeded(compiled))
      function = std::move(*compiled);
  }
  return function.get();
}

/// A dense resource and a dense constant of the same elements have the same
/// bytes, but for splats and for elements of less than a byte.
static std::optional<ArrayRef<char>> getBytes(ElementsAttr constant) {
  if (auto dense = dyn_cast<DenseElementsAttr>(constant))
    return dense.getRawData();
  auto resource = dyn_cast<DenseResourceElementsAttr>(constant);
  if (!resource || !resource.getRawHandle().getBlob())
    return std::nullopt;
  return resource.getRawHandle().getBlob()->getData();
}

std::optional<std::vector<char>> mlir::qfmt::readInput(ElementsAttr constant,
                                                       const TensorSpec &spec) {
  std::vector<char> bytes;
  if (spec.element.getBytes() == 1) {
    std::optional<std::vector<uint8_t>> codes = readCodes(constant);
    if (!codes)
      return std::nullopt;
    bytes.assign(codes->begin(), codes->end());
  } else {
    std::optional<ArrayRef<char>> stored = getBytes(constant);
    if (!stored)
      return std::nullopt;
    bool isSplat = stored->size() == spec.element.getBytes();
    for (int64_t i = 0; i < (isSplat ? spec.getNumElements() : 1); ++i)
      bytes.insert(bytes.end(), stored->begin(), stored->end());
  }
  if (static_cast<int64_t>(bytes.size()) != spec.getNumBytes())
    return std::nullopt;
  normalizeElements(spec.element, bytes.data(), spec.getNumElements());
  return bytes;
}
