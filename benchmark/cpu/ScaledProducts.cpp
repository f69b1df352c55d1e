//===- ScaledProducts.cpp - Products with weights of few bits -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// f32 activations, quantized to i8 with a scale for each row inside the run,
// times constant 4096 x 4096 weights in each format, to f32: one row, and 512.
// The same without quantization, where sums are of f32 in their order
// ("float"), in formats of all kinds, and with activations of bf16 ("bf16").
// Beside them ggml's products of the format that is most like it, in each of
// its kinds of memory; ggml's activations get a scale for each 32 or 256.
//
//===----------------------------------------------------------------------===//

#include "Ggml.h"
#include "qfmt/IR/EncodedTensorType.h"
#include "qfmt/IR/Presets.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::qfmt;

namespace {

constexpr int64_t kSize = 4096;

/// By the names of qfmt/IR/Presets.h.
constexpr const char *kFormats[] = {
    "int8",     "int4_g32",     "int4_g128", "uint4_g128", "int3_g128",
    "int2_g64", "ternary_2bit", "mxfp4",     "nvfp4",      "mxfp8",
    "nf4",      "bitmod4",      "aqlm"};
constexpr const char *kFloatFormats[] = {
    "f32",          "int8",       "int4_g32",   "int4_g128",
    "int4_g128_q8", "uint4_g128", "int3_g128",  "int2_g64",
    "ternary_2bit", "mxfp4",      "mxfp6_e3m2", "mxfp8",
    "nvfp4",        "nf4",        "bitmod4",    "aqlm"};
constexpr const char *kBf16Formats[] = {"int8", "int4_g32", "mxfp8", "nf4",
                                        "aqlm"};
constexpr const char *kGgmlFormats[] = {"q8_0",  "q4_0",  "q4_K",
                                        "q3_K",  "q2_K",  "tq2_0",
                                        "mxfp4", "nvfp4", "iq4_nl"};

/// {0} rows; {1}: the weights' type; {2}: operations that make %w; {3}: the
/// activations' type; {4}: an operation that makes %a.
constexpr const char *kSource = R"(
  func.func @main(%x: tensor<{0}x4096xf32>) -> tensor<{0}x4096xf32> {{
    {2}
    {4}
    %zero = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<{0}x4096xf32>
    %init = linalg.fill ins(%zero : f32)
      outs(%e : tensor<{0}x4096xf32>) -> tensor<{0}x4096xf32>
    %y = linalg.matmul
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
                       affine_map<(m, n, k) -> (n, k)>,
                       affine_map<(m, n, k) -> (m, n)>]
      ins(%a, %w : {3}, {1})
      outs(%init : tensor<{0}x4096xf32>) -> tensor<{0}x4096xf32>
    return %y : tensor<{0}x4096xf32>
  })";

std::string print(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

EncodedTensorType getWeights(MLIRContext &context, const char *format) {
  auto logical =
      RankedTensorType::get({kSize, kSize}, Float32Type::get(&context));
  return EncodedTensorType::get(
      logical, findPreset(format)->getFormat(&context, /*rank=*/2));
}

/// Operations that make %w; splats as fillConstants reads them.
std::string makeWeights(EncodedTensorType weights, StringRef format) {
  const char *integer = format.starts_with("ternary") ? "1" : "0";
  std::string operations;
  SmallVector<std::string> names, types;
  for (auto [i, type] : llvm::enumerate(weights.getConstituentTypes())) {
    names.push_back(llvm::formatv("%c{0}", i));
    types.push_back(print(type));
    // Codes come first.
    const char *splat = getElementTypeOrSelf(type).isInteger() ? integer
                        : i == 0                               ? "2.0"
                                                               : "1.0";
    operations += llvm::formatv("{0} = arith.constant dense<{1}> : {2}\n    ",
                                names.back(), splat, types.back());
  }
  return operations + llvm::formatv("%w = qfmt.assemble {0} : {1} to {2}",
                                    llvm::join(names, ", "),
                                    llvm::join(types, ", "),
                                    print(weights.getType()))
                          .str();
}

enum class Activations { Quantized, Float, Bf16 };

std::string makeText(StringRef weights, StringRef operations, int64_t rows,
                     Activations kind) {
  std::string given = llvm::formatv("tensor<{0}x{1}xf32>", rows, kSize);
  std::string activations = llvm::formatv(
      "tensor<{0}x{1}xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>",
      rows, kSize);
  std::string narrow = llvm::formatv("tensor<{0}x{1}xbf16>", rows, kSize);
  const char *op = kind == Activations::Float  ? "arith.bitcast"
                   : kind == Activations::Bf16 ? "arith.truncf"
                                               : "qfmt.quantize";
  StringRef type = kind == Activations::Float  ? given
                   : kind == Activations::Bf16 ? narrow
                                               : activations;
  std::string quantization =
      llvm::formatv("%a = {0} %x : {1} to {2}", op, given, type);
  return llvm::formatv(kSource, rows, weights, operations, type, quantization);
}

/// Bytes of codes and scales as they are packed.
double getBytes(EncodedTensorType weights) {
  return double(weights.getFormat().getPackedBits(weights.getShape())) / 8;
}

std::string getName(const char *peer, int64_t rows) {
  return llvm::formatv("{0}/{1}", peer, rows == 1 ? "gemv" : "gemm");
}

/// `bytes`: of the weights.
void registerOurs(MLIRContext &context, const std::string &name,
                  const std::string &text, double bytes, int64_t rows,
                  int64_t threads) {
  Work work{double(rows) * kSize * kSize, bytes};
  auto prepare = [=, &context] {
    std::vector<float> floats = makeFloats(rows * kSize);
    const char *data = reinterpret_cast<const char *>(floats.data());
    auto input = std::make_shared<std::vector<char>>(
        data, data + floats.size() * sizeof(float));
    return prepareCall(compileText(context, text, "", threads), input,
                       {rows, kSize});
  };
  registerCase(threads == 1 ? name : name + "/2threads", work, prepare,
               /*countsWallTime=*/threads > 1);
}

void registerQuantized(MLIRContext &context, const char *format, int64_t rows,
                       int64_t threads) {
  EncodedTensorType weights = getWeights(context, format);
  registerOurs(context, getName("qfmt", rows) + "/" + format,
               makeText(print(weights.getType()), makeWeights(weights, format),
                        rows, Activations::Quantized),
               getBytes(weights), rows, threads);
}

void registerFloat(MLIRContext &context, StringRef format, int64_t rows,
                   Activations kind = Activations::Float) {
  std::string name =
      getName(kind == Activations::Float ? "float" : "bf16", rows) + "/" +
      format.str();
  if (format == "f32") {
    std::string type = llvm::formatv("tensor<{0}x{0}xf32>", kSize);
    std::string constant = "%w = arith.constant dense<1.0> : " + type;
    return registerOurs(context, name, makeText(type, constant, rows, kind),
                        double(kSize) * kSize * sizeof(float), rows, 1);
  }
  EncodedTensorType weights = getWeights(context, format.data());
  registerOurs(context, name,
               makeText(print(weights.getType()), makeWeights(weights, format),
                        rows, kind),
               getBytes(weights), rows, 1);
}

void registerGgml(const std::string &format, const std::string &buffer,
                  int64_t rows) {
  Work work{double(rows) * kSize * kSize, 0};
  registerCase(getName("ggml", rows) + "/" + format + "/" + buffer, work,
               [=] { return prepareGgml(format, buffer, rows, kSize, kSize); });
}

} // namespace

void registerScaledProducts(MLIRContext &context) {
  context.loadDialect<QFmtDialect>();
  for (int64_t rows : {1, 512}) {
    for (const char *format : kFormats)
      for (int64_t threads : {1, 2})
        registerQuantized(context, format, rows, threads);
    for (const char *format : kFloatFormats)
      registerFloat(context, format, rows);
    for (const char *format : kBf16Formats)
      registerFloat(context, format, rows, Activations::Bf16);
    for (const char *format : kGgmlFormats)
      for (const std::string &buffer : getGgmlBuffers())
        registerGgml(format, buffer, rows);
  }
}
