// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Harness.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/Pipelines/Pipelines.h"
#include <benchmark/benchmark.h>

using namespace mlir;
using namespace mlir::qfmt;

void registerCase(const std::string &name, Work work,
                  std::function<Prepared()> prepare, bool countsWallTime) {
  auto prepared = std::make_shared<Prepared>();
  auto run = [=](benchmark::State &state) {
    if (!prepared->run && prepared->error.empty())
      *prepared = prepare();
    if (!prepared->run)
      return state.SkipWithError(prepared->error.c_str());
    for (auto _ : state)
      prepared->run();
    state.SetLabel(prepared->label);
    using benchmark::Counter;
    if (work.macs != 0)
      state.counters["GMAC/s"] =
          Counter(work.macs * 1e-9, Counter::kIsIterationInvariantRate);
    if (work.bytes != 0)
      state.counters["GB/s"] =
          Counter(work.bytes * 1e-9, Counter::kIsIterationInvariantRate);
  };
  auto *registered = benchmark::RegisterBenchmark(name.c_str(), run);
  registered->Unit(benchmark::kMicrosecond);
  if (countsWallTime)
    registered->UseRealTime();
  else
    registered->MeasureProcessCPUTime();
}

//===----------------------------------------------------------------------===//
// Random numbers
//===----------------------------------------------------------------------===//

std::vector<char> makeBytes(size_t size) {
  std::mt19937 random(2);
  std::vector<char> bytes(size);
  for (char &byte : bytes)
    byte = char(random());
  return bytes;
}

std::vector<float> makeFloats(size_t size) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> values(size);
  for (float &value : values)
    value = normal(random);
  return values;
}

namespace {

template <typename T, typename Fn>
DenseElementsAttr makeElements(ShapedType type, Fn next) {
  std::vector<T> values(type.getNumElements());
  for (T &value : values)
    value = T(next());
  return DenseElementsAttr::getFromRawBuffer(
      type, ArrayRef(reinterpret_cast<const char *>(values.data()),
                     values.size() * sizeof(T)));
}

DenseElementsAttr makeIntegers(ShapedType type, int64_t kind,
                               std::mt19937 &random) {
  unsigned width = type.getElementTypeBitWidth();
  if (width == 32 && kind == 1)
    return makeElements<int32_t>(type,
                                 [&] { return int32_t(random()) / 65536; });
  if (width == 32 && kind == 2)
    return makeElements<int32_t>(
        type, [&] { return int32_t(random() >> 2 | 1u << 29); });
  if (width == 32)
    return makeElements<int32_t>(type, [&] { return 40 + random() % 4; });
  if (width == 2 && kind == 1)
    return makeElements<uint8_t>(type,
                                 [&] { return (int(random() % 3) - 1) & 3; });
  return makeElements<uint8_t>(type,
                               [&] { return random() & ((1u << width) - 1); });
}

/// Codes of all finite numbers of at most eight bits.
DenseElementsAttr makeFiniteCodes(ShapedType type, std::mt19937 &random) {
  auto element = cast<FloatType>(type.getElementType());
  std::vector<uint8_t> codes;
  for (unsigned code = 0; code < 1u << element.getWidth(); ++code)
    if (APFloat(element.getFloatSemantics(), APInt(element.getWidth(), code))
            .isFinite())
      codes.push_back(code);
  return makeElements<uint8_t>(type,
                               [&] { return codes[random() % codes.size()]; });
}

DenseElementsAttr makeScales(ShapedType type, std::mt19937 &random) {
  Type element = type.getElementType();
  auto scale = [&] { return 0.01f + float(random() % 1024) / 65536; };
  if (element.isF32())
    return makeElements<float>(type, scale);
  // 0.0078125 to 0.015625 less one place.
  if (element.isF16())
    return makeElements<uint16_t>(type,
                                  [&] { return 0x2000 | random() % 1024; });
  if (isa<Float8E8M0FNUType>(element))
    return makeElements<uint8_t>(type, [&] { return 117 + random() % 4; });
  // Of f8E4M3FN 0.5 to 2, of f8E5M2 2^-3 to 2.
  return makeElements<uint8_t>(type, [&] { return 0x30 + random() % 16; });
}

} // namespace

void fillConstants(ModuleOp module) {
  std::mt19937 random(1);
  module->walk([&](arith::ConstantOp op) {
    auto splat = dyn_cast<SplatElementsAttr>(op.getValue());
    if (!splat)
      return;
    auto type = cast<ShapedType>(splat.getType());
    if (type.getElementType().isInteger())
      op.setValueAttr(makeIntegers(
          type, splat.getSplatValue<APInt>().getSExtValue(), random));
    else if (splat.getSplatValue<APFloat>().isExactlyValue(2.0))
      op.setValueAttr(makeFiniteCodes(type, random));
    else
      op.setValueAttr(makeScales(type, random));
  });
}

//===----------------------------------------------------------------------===//
// Compiled functions
//===----------------------------------------------------------------------===//

std::shared_ptr<CompiledFunction> compileText(MLIRContext &context,
                                              const std::string &text,
                                              StringRef cpu, int64_t threads) {
  auto module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return nullptr;
  fillConstants(*module);
  CompileOptions options;
  options.lowering = buildCompilePipeline;
  options.cpu = cpu.str();
  options.threads = threads;
  auto function = CompiledFunction::compile(*module, options);
  return failed(function) ? nullptr : std::move(*function);
}

Prepared prepareCall(std::shared_ptr<CompiledFunction> function,
                     std::shared_ptr<std::vector<char>> input,
                     ArrayRef<int64_t> shape) {
  if (!function)
    return {nullptr, "does not compile", ""};
  SmallVector<int64_t> sizes(shape);
  return {[=] { function->call(TensorView{input->data(), sizes}); }, "", ""};
}
