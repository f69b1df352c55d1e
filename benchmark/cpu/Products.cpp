//===- Products.cpp - Matrix products of bytes ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with constant weights, with a bias for each column, requantized by a
// dyadic number for each column and clamped to i8, as qfmt-integerize makes
// them; and the same products by oneDNN (with float scales, which is what
// oneDNN has). Weights of 8 bits, and of 4 and 2.
//
//===----------------------------------------------------------------------===//

#include "Harness.h"
#include "OneDnn.h"
#include "Peak.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace {

struct Size {
  int64_t m, n, k;

  std::string getName() const { return llvm::formatv("{0}x{1}x{2}", m, n, k); }
  Work getWork() const { return {double(m) * n * k, double(n) * k}; }
};

constexpr Size kSizes[] = {{128, 768, 768},
                           {128, 768, 3072},
                           {512, 4096, 4096},
                           {2048, 2048, 2048},
                           {1, 4096, 4096}};

/// {0} x {2} codes times {2} x {1} weights of type {4}; {3} is extui or extsi.
constexpr const char *kSource = R"(
  func.func @main(%x: tensor<{0}x{2}xi8>) -> tensor<{0}x{1}xi8> {{
    %w = arith.constant dense<0> : tensor<{2}x{1}x{4}>
    %bias = arith.constant dense<1> : tensor<{1}xi32>
    %multiplier = arith.constant dense<2> : tensor<{1}xi32>
    %shift = arith.constant dense<3> : tensor<{1}xi32>
    %e = tensor.empty() : tensor<{0}x{1}xi32>
    %init = linalg.broadcast ins(%bias : tensor<{1}xi32>)
      outs(%e : tensor<{0}x{1}xi32>) dimensions = [0]
    %y = linalg.generic {{
        indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
                         affine_map<(m, n, k) -> (k, n)>,
                         affine_map<(m, n, k) -> (m, n)>],
        iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<{0}x{2}xi8>, tensor<{2}x{1}x{4}>)
      outs(%init : tensor<{0}x{1}xi32>) {{
    ^bb0(%a: i8, %b: {4}, %c: i32):
      %a32 = arith.{3} %a : i8 to i32
      %b32 = arith.extsi %b : {4} to i32
      %p = arith.muli %a32, %b32 : i32
      %s = arith.addi %c, %p : i32
      linalg.yield %s : i32
    } -> tensor<{0}x{1}xi32>
    %qe = tensor.empty() : tensor<{0}x{1}xi8>
    %q = linalg.generic {{
        indexing_maps = [affine_map<(m, n) -> (m, n)>,
                         affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (n)>,
                         affine_map<(m, n) -> (m, n)>],
        iterator_types = ["parallel", "parallel"]}
      ins(%y, %multiplier, %shift
          : tensor<{0}x{1}xi32>, tensor<{1}xi32>, tensor<{1}xi32>)
      outs(%qe : tensor<{0}x{1}xi8>) {{
    ^bb0(%a: i32, %f: i32, %r: i32, %o: i8):
      %scaled = qfmt.dyadic_scale %a, %f, %r : i32, i32, i32 to i32
      %low = arith.constant -128 : i32
      %high = arith.constant 127 : i32
      %max = arith.maxsi %scaled, %low : i32
      %min = arith.minsi %max, %high : i32
      %t = arith.trunci %min : i32 to i8
      linalg.yield %t : i8
    } -> tensor<{0}x{1}xi8>
    return %q : tensor<{0}x{1}xi8>
  })";

void registerProduct(MLIRContext &context, const Size &size, bool isUnsigned,
                     const char *target, const char *cpu, int64_t threads = 1,
                     int64_t bits = 8) {
  std::string name = llvm::formatv(
      "qfmt/{0}/{1}{2}/{3}", size.getName(), isUnsigned ? "u8" : "s8",
      bits == 8 ? "" : "_i" + llvm::itostr(bits), target);
  Work work = size.getWork();
  work.bytes *= double(bits) / 8;
  auto prepare = [=, &context] {
    std::string text =
        llvm::formatv(kSource, size.m, size.n, size.k,
                      isUnsigned ? "extui" : "extsi", "i" + llvm::itostr(bits));
    auto codes =
        std::make_shared<std::vector<char>>(makeBytes(size.m * size.k));
    return prepareCall(compileText(context, text, cpu, threads), codes,
                       {size.m, size.k});
  };
  registerCase(name, work, prepare, /*countsWallTime=*/threads > 1);
}

void registerOneDnn(const Size &size, bool isUnsigned) {
  std::string name =
      llvm::formatv("onednn/{0}/{1}", size.getName(), isUnsigned ? "u8" : "s8");
  registerCase(name, size.getWork(), [=] {
    return prepareOneDnn(
        createOneDnnProduct(size.m, size.n, size.k, isUnsigned));
  });
}

} // namespace

void registerProducts(MLIRContext &context) {
  for (const Size &size : kSizes)
    for (bool isUnsigned : {true, false}) {
      registerProduct(context, size, isUnsigned, "host", "");
      for (int64_t bits : {4, 2})
        registerProduct(context, size, isUnsigned, "host", "", 1, bits);
      registerProduct(context, size, isUnsigned, "2threads", "", 2);
      if (hasOneDnn())
        registerOneDnn(size, isUnsigned);
    }
  // Where the best is AMX, the next best, too.
  if (hasInstruction(PeakInstruction::Tdpbusd))
    for (const Size &size : kSizes)
      for (bool isUnsigned : {true, false})
        registerProduct(context, size, isUnsigned, "vnni", "icelake-server");
  if (hasInstruction(PeakInstruction::Vpmaddwd256))
    for (const Size &size : kSizes)
      registerProduct(context, size, false, "avx2", "haswell");
}
