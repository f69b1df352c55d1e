// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares compiled code, which qfmt makes of the format's meaning, with the
// reference evaluator. For all ES, all modes and reals of 32 and 64 bits: all
// codes, every value, every limit of rounding, every middle between two values,
// and what is next to each. Then a tensor whose scales are in the format, too.
// Fails at the first difference.
//
// posit-check --print says instead what the codes of compiled code are, for a
// comparison with posits from elsewhere: lines
//   decode ES CODE VALUE
//   encode ES REAL CODE
// of half to even, with all numbers but codes as C's %a writes them.

#include "Posit.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Reference/Evaluator.h"
#include "qfmt/Reference/ReferenceFormat.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

using namespace mlir;
using namespace mlir::qfmt;
using llvm::formatv;

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

/// Runs `main` of the module in both ways; each input is one buffer. The
/// results of compiled code.
static FailureOr<SmallVector<TensorResult>>
compare(MLIRContext &context, StringRef text, ArrayRef<ArrayRef<char>> inputs) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return failure();
  auto function = module->lookupSymbol<func::FuncOp>("main");
  auto expected = reference::evaluateBuffers(function, inputs);
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
    unsigned elementBytes = llvm::divideCeil(width, 8);
    const char *data = static_cast<const char *>(found[i].data);
    for (auto [j, byte] : llvm::enumerate(tensor.toBytes())) {
      unsigned bits = std::min<unsigned>(8, width - j % elementBytes * 8);
      unsigned mask = (1u << bits) - 1;
      if ((byte & mask) != (data[j] & mask))
        return module->emitError()
               << "result " << i << ", byte " << j << ": compiled code has "
               << (data[j] & mask) << ", the reference " << (byte & mask);
    }
  }
  return found;
}

template <typename T>
static ArrayRef<char> getBytes(const std::vector<T> &values) {
  return {reinterpret_cast<const char *>(values.data()),
          values.size() * sizeof(T)};
}

//===----------------------------------------------------------------------===//
// Cases
//===----------------------------------------------------------------------===//

static constexpr unsigned kWidth = 8;

/// Where rounding may go wrong.
template <typename T>
static std::vector<T> getReals(MLIRContext &context, unsigned exponentBits) {
  auto type = posit::PositType::get(&context, kWidth, exponentBits);
  auto finer = posit::PositType::get(&context, kWidth + 1, exponentBits);
  T infinity = std::numeric_limits<T>::infinity();
  std::vector<T> reals{std::numeric_limits<T>::quiet_NaN()};
  auto add = [&](T value) {
    for (T x : {value, std::nextafter(value, infinity),
                std::nextafter(value, -infinity)})
      reals.insert(reals.end(), {x, -x});
  };
  for (unsigned code = 0; code < 1u << (kWidth - 1); ++code) {
    double low = type.decodeCode(code), high = type.decodeCode(code + 1);
    add(low);
    add(finer.decodeCode(2 * code + 1));
    // Beyond the largest value there is NaR.
    add(std::isnan(high) ? 2 * low : (low + high) / 2);
  }
  for (T value :
       {std::numeric_limits<T>::max(), std::numeric_limits<T>::min(), infinity})
    add(value);
  return reals;
}

/// A module that decodes all codes, and encodes reals by all rounding and
/// overflow modes, with the NaN modes in turns.
static std::string getModule(unsigned exponentBits, size_t numReals,
                             unsigned realBits) {
  std::string body, names, types;
  unsigned count = 0;
  for (unsigned i = 0; i <= getMaxEnumValForRoundingMode(); ++i)
    for (OverflowMode overflow :
         {OverflowMode::Saturate, OverflowMode::Infinity, OverflowMode::Zero}) {
      NaNMode nan = (count + i) % 2 == 0 ? NaNMode::Zero : NaNMode::Propagate;
      body += formatv("  %{0} = qfmt.quantize %x rounding = {1} overflow = {2} "
                      "nan = {3} : !x to !q\n",
                      count, stringifyRoundingMode(*symbolizeRoundingMode(i)),
                      stringifyOverflowMode(overflow), stringifyNaNMode(nan));
      names += formatv("%{0}, ", count++);
      types += "!q, ";
    }
  return formatv(R"mlir(
    !x = tensor<{0}xf{1}>
    !y = tensor<{2}xf{1}>
    !q = tensor<{0}xf{1}, #qfmt.scaled<!posit.posit<{3}, {4}>>>
    !codes = tensor<{2}xf{1}, #qfmt.scaled<!posit.posit<{3}, {4}>>>
    func.func @main(%x: !x, %codes: !codes) -> ({5} !y) {{
      {6}
      %y = qfmt.dequantize %codes : !codes to !y
      return {7} %y : {5} !y
    })mlir",
                 numReals, realBits, 1u << kWidth, kWidth, exponentBits, types,
                 body, names);
}

template <typename T>
static void print(unsigned exponentBits, ArrayRef<T> reals,
                  ArrayRef<TensorResult> results) {
  const T *values = static_cast<const T *>(results.back().data);
  for (unsigned code = 0; code < 1u << kWidth; ++code)
    std::printf("decode %u %u %a\n", exponentBits, code, double(values[code]));
  const auto *codes = static_cast<const uint8_t *>(results.front().data);
  for (auto [i, real] : llvm::enumerate(reals))
    std::printf("encode %u %a %u\n", exponentBits, double(real), codes[i]);
}

/// Encodes by every mode, and decodes.
template <typename T>
static LogicalResult check(MLIRContext &context, unsigned exponentBits,
                           bool prints) {
  std::vector<T> reals = getReals<T>(context, exponentBits);
  std::vector<char> codes;
  for (unsigned code = 0; code < 1u << kWidth; ++code)
    codes.push_back(char(code));
  auto results =
      compare(context, getModule(exponentBits, reals.size(), sizeof(T) * 8),
              {getBytes(reals), getBytes(codes)});
  if (failed(results))
    return failure();
  if (prints)
    print<T>(exponentBits, reals, *results);
  else
    llvm::outs() << "!posit.posit<" << kWidth << ", " << exponentBits << ">, f"
                 << sizeof(T) * 8 << ": " << reals.size() << " reals, "
                 << results->size() - 1 << " modes, " << codes.size()
                 << " codes\n";
  return success();
}

/// Scales at run time, one of them of a block of zeros, and a conversion.
static LogicalResult checkScales(MLIRContext &context) {
  std::vector<float> reals;
  for (int i = 0; i < 8 * 16; ++i)
    reals.push_back(i < 4 ? 0 : std::ldexp(float(i * 37 % 101 - 50), -i / 3));
  StringRef text = R"mlir(
    !x = tensor<8x16xf32>
    !q = tensor<8x16xf32, #qfmt.scaled<!posit.posit<6, 1>, block = [1, 4], scale = !posit.posit<10, 2>>>
    !i = tensor<8x16xf32, #qfmt.scaled<i8, block = [1, 4], scale = !posit.posit<8, 2>>>
    func.func @main(%x: !x) -> (!q, !i, !x) {
      %q = qfmt.quantize %x : !x to !q
      %i = qfmt.convert %q : !q to !i
      %y = qfmt.dequantize %i : !i to !x
      return %q, %i, %y : !q, !i, !x
    })mlir";
  if (failed(compare(context, text, {getBytes(reals)})))
    return failure();
  llvm::outs() << "posits as scales: " << reals.size() << " reals\n";
  return success();
}

int main(int argc, char **argv) {
  bool prints = argc > 1 && StringRef(argv[1]) == "--print";
  DialectRegistry registry;
  registerPipelineDialects(registry);
  reference::registerReferenceModels(registry);
  registry.insert<posit::PositDialect>();
  MLIRContext context(registry);
  context.loadDialect<posit::PositDialect>();
  for (unsigned exponentBits = 0; exponentBits <= 3; ++exponentBits)
    if (failed(check<float>(context, exponentBits, prints)) ||
        (!prints && failed(check<double>(context, exponentBits, prints))))
      return 1;
  return !prints && failed(checkScales(context));
}
