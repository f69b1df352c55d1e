// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WeightErrors.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "qfmt/Transforms/Passes.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

WeightErrors::WeightErrors() = default;
WeightErrors::~WeightErrors() = default;

/// func @main(%weights) { return dequantize(quantize(%weights)) }
static OwningOpRef<ModuleOp> buildRoundTrip(Location loc,
                                            const OperandEncoding &encoding,
                                            RankedTensorType type) {
  OwningOpRef<ModuleOp> module(ModuleOp::create(loc));
  OpBuilder builder(module->getBodyRegion());
  auto function = func::FuncOp::create(builder, loc, "main",
                                       builder.getFunctionType({type}, {type}));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  Value codes = encoding.quantize(builder, body->getArgument(0));
  Value reals = DequantizeOp::create(builder, loc, type, codes);
  func::ReturnOp::create(builder, loc, reals);
  return module;
}

const CompiledFunction *
WeightErrors::getRoundTrip(Location loc, const OperandEncoding &encoding,
                           RankedTensorType type) {
  auto encoded = EncodedTensorType::get(type, encoding.format);
  std::unique_ptr<CompiledFunction> &function =
      compiled[{Type(encoded.getType()).getAsOpaquePointer(),
                Attribute(encoding.master).getAsOpaquePointer(),
                encoding.scaleRule, encoding.rounding}];
  if (function)
    return function.get();
  CompileOptions options;
  options.lowering = [](OpPassManager &pm) {
    pm.addPass(createDecompose()); // constituents
    buildLowerToLLVMPipeline(pm);
  };
  OwningOpRef<ModuleOp> module = buildRoundTrip(loc, encoding, type);
  auto result = CompiledFunction::compile(*module, options);
  if (succeeded(result))
    function = std::move(*result);
  return function.get();
}

FailureOr<std::vector<double>>
WeightErrors::compute(const WeightedSum &sum, const OperandEncoding &encoding) {
  std::vector<double> errors = sum.values.getElements();
  if (!llvm::all_of(errors, [](double value) { return std::isfinite(value); }))
    return sum.op->emitOpError() << "has weights that are NaN or infinite";
  if (!encoding.format) {
    std::fill(errors.begin(), errors.end(), 0.0);
    return errors;
  }
  // f32 numbers all of them.
  return compute(sum.op->getLoc(),
                 cast<RankedTensorType>(sum.weights->get().getType()),
                 std::move(errors), encoding);
}

FailureOr<std::vector<double>>
WeightErrors::compute(Location loc, RankedTensorType type,
                      std::vector<double> errors,
                      const OperandEncoding &encoding) {
  const CompiledFunction *function = getRoundTrip(loc, encoding, type);
  if (!function)
    return failure();
  std::vector<float> reals(errors.begin(), errors.end());
  std::vector<float> quantized(reals.size());
  function->call({reals.data()}, {quantized.data()});
  for (auto [error, value] : llvm::zip_equal(errors, quantized))
    error -= value;
  return errors;
}
