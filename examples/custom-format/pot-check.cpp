// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares the two halves of the format: compiled code (PowerLowering.cpp)
// against the reference evaluator (Pot.cpp). For all widths, all rounding modes
// and reals of 32 and 64 bits: all codes, every value, every middle between two
// values, and what is next to each. Then a tensor whose scales are in the
// format, too. Fails at the first difference.

#include "Pot.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Reference/Evaluator.h"
#include "qfmt/Reference/ReferenceFormat.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::qfmt;
using llvm::formatv;

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

/// The results of `function`, one tensor a constituent, by the evaluator.
static FailureOr<SmallVector<reference::Tensor>>
evaluate(func::FuncOp function, ArrayRef<ArrayRef<char>> inputs) {
  SmallVector<reference::Value> arguments;
  for (auto [type, bytes] :
       llvm::zip_equal(function.getArgumentTypes(), inputs)) {
    auto encoded = EncodedTensorType::get(type);
    Type stored = encoded ? Type(encoded.getConstituentTypes()[0]) : type;
    auto tensor =
        reference::Tensor::fromBytes(cast<RankedTensorType>(stored), bytes,
                                     [&] { return function.emitError(); });
    if (failed(tensor))
      return failure();
    arguments.push_back(encoded ? reference::Value(encoded, {*tensor})
                                : reference::Value(*tensor));
  }
  auto values = reference::evaluate(function, arguments);
  if (failed(values))
    return failure();
  SmallVector<reference::Tensor> tensors;
  for (const reference::Value &value : *values)
    if (value.isEncoded())
      llvm::append_range(tensors, value.getConstituents());
    else
      tensors.push_back(value.getTensor());
  return tensors;
}

/// Runs `main` of the module in both ways; each input is one buffer.
static LogicalResult compare(MLIRContext &context, StringRef text,
                             ArrayRef<ArrayRef<char>> inputs) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return failure();
  auto function = module->lookupSymbol<func::FuncOp>("main");
  auto expected = evaluate(function, inputs);
  CompileOptions options;
  options.lowering = buildCompilePipeline;
  auto compiled = CompiledFunction::compile(*module, options);
  if (failed(expected) || failed(compiled))
    return failure();

  SmallVector<TensorView> views;
  for (auto [type, bytes] :
       llvm::zip_equal(function.getArgumentTypes(), inputs))
    views.push_back({bytes.data(), cast<ShapedType>(type).getShape()});
  SmallVector<TensorResult> found = (*compiled)->call(views);
  for (auto [i, tensor] : llvm::enumerate(*expected)) {
    // The bits beyond a code's width are no part of it.
    unsigned width = tensor.getElementType().getIntOrFloatBitWidth();
    unsigned mask = width < 8 ? (1u << width) - 1 : 0xff;
    const char *data = static_cast<const char *>(found[i].data);
    for (auto [j, byte] : llvm::enumerate(tensor.toBytes()))
      if ((byte & mask) != (data[j] & mask))
        return module->emitError()
               << "result " << i << ", byte " << j << ": compiled code has "
               << (data[j] & mask) << ", the reference " << (byte & mask);
  }
  return success();
}

template <typename T>
static ArrayRef<char> getBytes(const std::vector<T> &values) {
  return {reinterpret_cast<const char *>(values.data()),
          values.size() * sizeof(T)};
}

//===----------------------------------------------------------------------===//
// Cases
//===----------------------------------------------------------------------===//

/// Where rounding may go wrong.
template <typename T>
static std::vector<T> getReals(pot::PowerType type) {
  std::vector<T> reals;
  T infinity = std::numeric_limits<T>::infinity();
  auto add = [&](T value) {
    for (T x : {value, std::nextafter(value, infinity),
                std::nextafter(value, -infinity)})
      reals.insert(reals.end(), {x, -x});
  };
  for (unsigned field = 0; field < type.getLargestField(); ++field) {
    double low = type.decodeCode(field), high = type.decodeCode(field + 1);
    add(low);
    add((low + high) / 2);
  }
  // 1.5 is where 2 would begin.
  for (T value : {T(1), T(1.5), std::numeric_limits<T>::max(),
                  std::numeric_limits<T>::min(), infinity})
    add(value);
  reals.push_back(std::numeric_limits<T>::quiet_NaN());
  return reals;
}

/// Encodes by every mode, and decodes.
template <typename T>
static LogicalResult checkWidth(MLIRContext &context, unsigned width) {
  auto reals = getReals<T>(pot::PowerType::get(&context, width));
  std::vector<char> codes;
  for (unsigned code = 0; code < 1u << width; ++code)
    codes.push_back(char(code));

  std::string body, names, types;
  for (unsigned i = 0; i <= getMaxEnumValForRoundingMode(); ++i) {
    body += formatv("  %{0} = qfmt.quantize %x rounding = {1} : !x to !q\n", i,
                    stringifyRoundingMode(*symbolizeRoundingMode(i)));
    names += formatv("%{0}, ", i);
    types += "!q, ";
  }
  std::string text = formatv(R"mlir(
    !x = tensor<{0}xf{1}>
    !y = tensor<{2}xf{1}>
    !q = tensor<{0}xf{1}, #qfmt.scaled<!pot.power<{3}>>>
    !codes = tensor<{2}xf{1}, #qfmt.scaled<!pot.power<{3}>>>
    func.func @main(%x: !x, %codes: !codes) -> ({4} !y) {{
      {5}
      %y = qfmt.dequantize %codes : !codes to !y
      return {6} %y : {4} !y
    })mlir",
                             reals.size(), sizeof(T) * 8, codes.size(), width,
                             types, body, names);
  if (failed(compare(context, text, {getBytes(reals), getBytes(codes)})))
    return failure();
  llvm::outs() << "!pot.power<" << width << ">, f" << sizeof(T) * 8 << ": "
               << reals.size() << " reals, " << codes.size() << " codes\n";
  return success();
}

/// Scales at run time, one of them of a block of zeros, and a conversion.
static LogicalResult checkScales(MLIRContext &context) {
  std::vector<float> reals;
  for (int i = 0; i < 8 * 16; ++i)
    reals.push_back(i < 4 ? 0 : std::ldexp(float(i * 37 % 101 - 50), -i / 3));
  StringRef text = R"mlir(
    !x = tensor<8x16xf32>
    !q = tensor<8x16xf32, #qfmt.scaled<!pot.power<4>, block = [1, 4], scale = !pot.power<8>>>
    !i = tensor<8x16xf32, #qfmt.scaled<i8, block = [1, 4], scale = !pot.power<8>>>
    func.func @main(%x: !x) -> (!q, !i, !x) {
      %q = qfmt.quantize %x : !x to !q
      %i = qfmt.convert %q : !q to !i
      %y = qfmt.dequantize %i : !i to !x
      return %q, %i, %y : !q, !i, !x
    })mlir";
  if (failed(compare(context, text, {getBytes(reals)})))
    return failure();
  llvm::outs() << "!pot.power<8> as scale: " << reals.size() << " reals\n";
  return success();
}

int main() {
  DialectRegistry registry;
  registerPipelineDialects(registry);
  reference::registerReferenceModels(registry);
  registry.insert<pot::PotDialect>();
  MLIRContext context(registry);
  context.loadDialect<pot::PotDialect>();
  for (unsigned width = 2; width <= 8; ++width)
    if (failed(checkWidth<float>(context, width)) ||
        failed(checkWidth<double>(context, width)))
      return 1;
  return failed(checkScales(context));
}
