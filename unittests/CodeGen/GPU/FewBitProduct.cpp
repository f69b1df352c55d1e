//===- FewBitProduct.cpp - Products with weights of few bits --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FewBitProduct.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"
#include <random>

namespace mlir::qfmt {

static StringRef getElement(Weights weights) {
  switch (weights) {
  case Weights::Int2:
    return "i2";
  case Weights::Int4:
    return "i4";
  case Weights::Int8:
    return "i8";
  case Weights::E2M1:
    return "f4E2M1FN";
  }
  return "";
}

std::string getName(const FewBitProduct &c) {
  return llvm::formatv("{0} x {1}, {2} groups of {3}, {4} * {5}, {6} warps",
                       c.m, c.n, c.groups, c.groupTerms,
                       c.isFloat ? "f16" : "i8", getElement(c.weights),
                       c.termWarps);
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

static constexpr const char *kGroups = R"(
func.func @main(%x: tensor<$Mx$Gx$Kxi8>, %a: tensor<$Mx$Gxf32>) -> tensor<$Mx$Nxf32> {
  %w = arith.constant $WEIGHTS : tensor<$Nx$Gx$Kxi8>
  %scales = arith.constant $SCALES : tensor<$Gx$Nxf32>
  %z = arith.constant 0 : i32
  %e = tensor.empty() : tensor<$Mx$Nx$Gxi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<$Mx$Nx$Gxi32>) -> tensor<$Mx$Nx$Gxi32>
  %i = linalg.generic {indexing_maps = [affine_map<(m, n, g, k) -> (m, g, k)>, affine_map<(m, n, g, k) -> (n, g, k)>, affine_map<(m, n, g, k) -> (m, n, g)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<$Mx$Gx$Kxi8>, tensor<$Nx$Gx$Kxi8>) outs(%f : tensor<$Mx$Nx$Gxi32>) {
  ^bb0(%p: i8, %v: i8, %s: i32):
    %p32 = arith.extsi %p : i8 to i32
    %v32 = arith.extsi %v : i8 to i32
    %t = arith.muli %p32, %v32 : i32
    %u = arith.addi %s, %t : i32
    linalg.yield %u : i32
  } -> tensor<$Mx$Nx$Gxi32>
  %zf = arith.constant 0.0 : f32
  %ef = tensor.empty() : tensor<$Mx$Nxf32>
  %ff = linalg.fill ins(%zf : f32) outs(%ef : tensor<$Mx$Nxf32>) -> tensor<$Mx$Nxf32>
  %y = linalg.generic {indexing_maps = [affine_map<(m, n, g) -> (m, n, g)>, affine_map<(m, n, g) -> (g, n)>, affine_map<(m, n, g) -> (m, g)>, affine_map<(m, n, g) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%i, %scales, %a : tensor<$Mx$Nx$Gxi32>, tensor<$Gx$Nxf32>, tensor<$Mx$Gxf32>) outs(%ff : tensor<$Mx$Nxf32>) {
  ^bb0(%p: i32, %v: f32, %b: f32, %s: f32):
    %g = arith.sitofp %p : i32 to f32
    %t = arith.mulf %g, %v : f32
    %t2 = arith.mulf %t, %b : f32
    %u = arith.addf %s, %t2 : f32
    linalg.yield %u : f32
  } -> tensor<$Mx$Nxf32>
  return %y : tensor<$Mx$Nxf32>
}
)";

static constexpr const char *kFloats = R"(
func.func @main(%x: tensor<$Mx$Kxf16>) -> tensor<$Mx$Nxf32> {
  %w = arith.constant $WEIGHTS : tensor<$Nx$Kxi8>
  %scale = arith.constant 0.5 : f32
  %ew = tensor.empty() : tensor<$Nx$Kxf32>
  %d = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n, k)>], iterator_types = ["parallel", "parallel"]}
    ins(%w : tensor<$Nx$Kxi8>) outs(%ew : tensor<$Nx$Kxf32>) {
  ^bb0(%p: i8, %s: f32):
$DECODE
    %u = arith.mulf %v, %scale : f32
    linalg.yield %u : f32
  } -> tensor<$Nx$Kxf32>
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<$Mx$Nxf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<$Mx$Nxf32>) -> tensor<$Mx$Nxf32>
  %i = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %d : tensor<$Mx$Kxf16>, tensor<$Nx$Kxf32>) outs(%f : tensor<$Mx$Nxf32>) {
  ^bb0(%p: f16, %v: f32, %s: f32):
    %p32 = arith.extf %p : f16 to f32
    %t = arith.mulf %p32, %v : f32
    %u = arith.addf %s, %t : f32
    linalg.yield %u : f32
  } -> tensor<$Mx$Nxf32>
  return %i : tensor<$Mx$Nxf32>
}
)";

static std::string getDecoding(Weights weights) {
  if (weights == Weights::E2M1)
    return "    %t = arith.trunci %p : i8 to i4\n"
           "    %b = arith.bitcast %t : i4 to f4E2M1FN\n"
           "    %v = arith.extf %b : f4E2M1FN to f32";
  return "    %v = arith.sitofp %p : i8 to f32";
}

/// Bytes of weights: numbers, or with f16 codes of E2M1.
static uint8_t drawWeight(const FewBitProduct &c, std::mt19937 &random) {
  static constexpr int8_t kTwiceE2M1[] = {0, 1, 2, 3, 4, 6, 8, 12};
  switch (c.weights) {
  case Weights::Int2:
    return random() % 4 - 2;
  case Weights::Int4:
    return random() % 16 - 8;
  case Weights::Int8:
    return random();
  case Weights::E2M1:
    if (c.isFloat)
      return random() % 16;
    return kTwiceE2M1[random() % 8] * (random() % 2 ? 1 : -1);
  }
  return 0;
}

static std::string makeFunction(const FewBitProduct &c) {
  std::mt19937 random(c.n * 1000 + c.getNumTerms());
  std::string text = c.isFloat ? kFloats : kGroups;
  replaceAll(text, "$DECODE", getDecoding(c.weights));
  replaceAll(text, "$WEIGHTS", makeDense<uint8_t>(c.n * c.getNumTerms(), [&] {
               return drawWeight(c, random);
             }));
  replaceAll(text, "$SCALES", makeDense<float>(c.n * c.groups, [&] {
               return float(1 << random() % 4);
             }));
  replaceAll(text, "$M", std::to_string(c.m));
  replaceAll(text, "$N", std::to_string(c.n));
  replaceAll(text, "$G", std::to_string(c.groups));
  replaceAll(text, "$K", std::to_string(c.groupTerms));
  return text;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

LoweredKernel lower(const FewBitProduct &c) {
  return LoweredKernel(
      makeFunction(c), "sm_80",
      [](OpPassManager &pm) { pm.addPass(createFuseScaledProducts()); },
      [&](OpPassManager &pm) {
        ScaledProductsToKernelsOptions options;
        options.warpsAlongTerms = c.termWarps;
        pm.addPass(createScaledProductsToKernels(options));
      });
}

template <typename T>
static Bytes makeNumbers(int64_t size, llvm::function_ref<T()> next) {
  Bytes bytes(size * sizeof(T));
  for (int64_t i = 0; i < size; ++i) {
    T value = next();
    std::memcpy(&bytes[i * sizeof(T)], &value, sizeof(T));
  }
  return bytes;
}

/// Multiples of 1/4 from -2 to 2.
static uint16_t drawF16(std::mt19937 &random) {
  APFloat number((double(random() % 17) - 8) / 4);
  bool losesInfo;
  number.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven, &losesInfo);
  return uint16_t(number.bitcastToAPInt().getZExtValue());
}

ExpectedResult getExpected(const FewBitProduct &c) {
  std::mt19937 random(7);
  int64_t size = c.m * c.getNumTerms();
  std::vector<Bytes> inputs;
  if (c.isFloat)
    inputs = {makeNumbers<uint16_t>(size, [&] { return drawF16(random); })};
  else
    inputs = {makeBytes(size, 1), makeNumbers<float>(c.m * c.groups, [&] {
                return float(1 << random() % 3) / 2;
              })};
  return ExpectedResult(makeFunction(c), std::move(inputs), c.m);
}

void check(const FewBitProduct &c) {
  SCOPED_TRACE(getName(c));
  LoweredKernel kernel = lower(c);
  kernel.load(kernel.getText());
  ExpectedResult expected = getExpected(c);
  for (int seed : {0, 1})
    EXPECT_EQ(expected.check(kernel, c.m, seed), "") << "seed " << seed;
}

} // namespace mlir::qfmt
