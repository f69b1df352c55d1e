// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DecodedConstant.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Pipelines/Pipelines.h"
#include <cstring>

using namespace mlir;
using namespace mlir::qfmt;

namespace {
/// What a value is computed by, operands first, and the tensors that this
/// begins with.
struct Computation {
  llvm::SetVector<Operation *> ops;
  SmallVector<Operation *> inputs;
};
} // namespace

static bool isTensorConstant(Operation *op) {
  return isa<arith::ConstantOp>(op) &&
         isa<RankedTensorType>(op->getResult(0).getType());
}

/// False if it needs more than constants.
static bool collect(Value value, Computation &computation) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (computation.ops.contains(op))
    return true;
  if (op->getNumRegions() != 0 || !isMemoryEffectFree(op))
    return false;
  for (Value operand : op->getOperands())
    if (!collect(operand, computation))
      return false;
  computation.ops.insert(op);
  if (isTensorConstant(op))
    computation.inputs.push_back(op);
  return true;
}

bool mlir::qfmt::isEncodedConstant(Value value) {
  EncodedTensorType type = EncodedTensorType::get(value.getType());
  Computation computation;
  return type && type.getType().hasStaticShape() && collect(value, computation);
}

/// A function of the inputs that returns what `value` denotes.
static OwningOpRef<ModuleOp> makeFunction(Value value,
                                          const Computation &computation) {
  // What is compiled once for all of its kind is nowhere in particular.
  Location loc = UnknownLoc::get(value.getContext());
  OwningOpRef<ModuleOp> module(ModuleOp::create(loc));
  OpBuilder builder(module->getBodyRegion());
  auto logical = EncodedTensorType::get(value.getType());
  auto real = RankedTensorType::get(logical.getShape(), builder.getF32Type());
  SmallVector<Type> inputs;
  for (Operation *input : computation.inputs)
    inputs.push_back(input->getResult(0).getType());
  auto function = func::FuncOp::create(builder, loc, "main",
                                       builder.getFunctionType(inputs, real));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  IRMapping mapping;
  for (auto [index, input] : llvm::enumerate(computation.inputs))
    mapping.map(input->getResult(0), body->getArgument(index));
  for (Operation *op : computation.ops)
    if (!isTensorConstant(op))
      builder.clone(*op, mapping)->setLoc(loc);
  Value result =
      DequantizeOp::create(builder, loc, real, mapping.lookup(value));
  func::ReturnOp::create(builder, loc, result);
  return module;
}

/// The elements as compiled code reads them; empty if there are none.
static std::vector<char> readElements(Attribute constant,
                                      const TensorSpec &spec) {
  unsigned size = spec.element.getBytes();
  std::vector<char> bytes(spec.getNumBytes());
  auto copy = [&](const auto &elements, auto getBits) {
    for (auto [index, element] : llvm::enumerate(elements)) {
      uint64_t bits = getBits(element);
      std::memcpy(bytes.data() + index * size, &bits, size);
    }
  };
  Type type = cast<ElementsAttr>(constant).getElementType();
  if (std::optional<std::vector<uint8_t>> codes = readCodes(constant)) {
    copy(*codes, [](uint8_t code) { return code; });
  } else if (auto integers = readIntegers(constant)) {
    copy(*integers, [](int64_t value) { return value; });
  } else if (auto floats = readFloats(constant)) {
    const llvm::fltSemantics &semantics =
        cast<FloatType>(type).getFloatSemantics();
    copy(*floats, [&](double value) {
      APFloat exact(value);
      bool losesInfo;
      exact.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
      return exact.bitcastToAPInt().getZExtValue();
    });
  } else {
    return {};
  }
  normalizeElements(spec.element, bytes.data(), spec.getNumElements());
  return bytes;
}

FailureOr<std::vector<double>> ConstantDecoder::decode(Value value) {
  Computation computation;
  bool isConstant = collect(value, computation);
  assert(isConstant && "the caller has asked isEncodedConstant");
  (void)isConstant;
  OwningOpRef<ModuleOp> module = makeFunction(value, computation);
  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os);
  std::unique_ptr<CompiledFunction> &function = functions[text];
  if (!function) {
    CompileOptions options;
    options.lowering = buildCompilePipeline;
    auto compiled = CompiledFunction::compile(*module, options);
    if (failed(compiled))
      return failure();
    function = std::move(*compiled);
  }
  std::vector<std::vector<char>> buffers;
  SmallVector<const void *> inputs;
  for (auto [input, spec] :
       llvm::zip_equal(computation.inputs, function->getSignature().inputs)) {
    auto constant = cast<arith::ConstantOp>(input);
    buffers.push_back(readElements(constant.getValue(), spec));
    if (buffers.back().empty())
      return constant.emitOpError() << "is a constant without data";
    inputs.push_back(buffers.back().data());
  }
  std::vector<float> reals(
      function->getSignature().outputs.front().getNumElements());
  function->call(inputs, {reals.data()});
  return std::vector<double>(reals.begin(), reals.end());
}
