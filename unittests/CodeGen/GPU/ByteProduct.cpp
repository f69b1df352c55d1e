//===- ByteProduct.cpp - Products of bytes as tests have them -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ByteProduct.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"
#include <random>

namespace mlir::qfmt {

std::string getName(const ByteProduct &c) {
  return llvm::formatv("N {0} K {1} {2}{3} * {4}{5} body {6} block {7}x{8}, {9}"
                       " stages{10}, {11}",
                       c.n, c.k, c.isLhsUnsigned ? "u8 - " : "s8 - ",
                       c.lhsZeroPoint, c.isRhsUnsigned ? "u8 - " : "s8 - ",
                       c.rhsZeroPoint, int(c.body), c.blockRows, c.blockColumns,
                       c.stages, c.isRhsTransposed ? " transposed" : "",
                       c.tier);
}

/// What follows the sums %p, up to the end of the function.
static std::string getBodyText(Body body) {
  switch (body) {
  case Body::Nothing:
  case Body::Bias:
    return "  return %p : tensor<$Mx$Nxi32>\n";
  case Body::Requantize:
  case Body::Residual:
    return R"(
  %mult = arith.constant $MULT : tensor<$Nxi32>
  %shift = arith.constant $SHIFT : tensor<$Nxi8>
  %e = tensor.empty($SIZE) : tensor<$Mx$Nxi8>
  %r = linalg.generic {indexing_maps = [#id, #col, #col, #id, #id], iterator_types = ["parallel", "parallel"]}
    ins(%p, %mult, %shift, %res : tensor<$Mx$Nxi32>, tensor<$Nxi32>, tensor<$Nxi8>, tensor<$Mx$Nxi8>) outs(%e : tensor<$Mx$Nxi8>) {
  ^bb0(%s: i32, %m: i32, %h: i8, %a: i8, %o: i8):
    %lo = arith.constant -128 : i32
    %hi = arith.constant 127 : i32
    %s64 = arith.extsi %s : i32 to i64
    %m64 = arith.extsi %m : i32 to i64
    %h64 = arith.extui %h : i8 to i64
    %x0 = arith.muli %s64, %m64 : i64
    %x1 = arith.shrsi %x0, %h64 : i64
    %x2 = arith.trunci %x1 : i64 to i32
    %a32 = arith.extsi %a : i8 to i32
    %x3 = arith.addi %x2, $ADDEND : i32
    %x4 = arith.maxsi %x3, %lo : i32
    %x5 = arith.minsi %x4, %hi : i32
    %x6 = arith.trunci %x5 : i32 to i8
    linalg.yield %x6 : i8
  } -> tensor<$Mx$Nxi8>
  return %r : tensor<$Mx$Nxi8>
)";
  case Body::Float:
    return R"(
  %scale = arith.constant dense<0.0123> : tensor<f32>
  %e = tensor.empty($SIZE) : tensor<$Mx$Nxf32>
  %r = linalg.generic {indexing_maps = [#id, #none, #id], iterator_types = ["parallel", "parallel"]}
    ins(%p, %scale : tensor<$Mx$Nxi32>, tensor<f32>) outs(%e : tensor<$Mx$Nxf32>) {
  ^bb0(%s: i32, %f: f32, %o: f32):
    %x0 = arith.sitofp %s : i32 to f32
    %x1 = arith.mulf %x0, %f : f32
    linalg.yield %x1 : f32
  } -> tensor<$Mx$Nxf32>
  return %r : tensor<$Mx$Nxf32>
)";
  }
  return "";
}

static StringRef getResultType(Body body) {
  if (body == Body::Nothing || body == Body::Bias)
    return "i32";
  return body == Body::Float ? "f32" : "i8";
}

static constexpr const char *kProduct = R"(
#id = affine_map<(m, n) -> (m, n)>
#col = affine_map<(m, n) -> (n)>
#none = affine_map<(m, n) -> ()>
func.func @main(%x: tensor<$Mx$Kxi8>, %res: tensor<$Mx$Nxi8>) -> tensor<$Mx$Nx$TYPE> {
  %c0 = arith.constant 0 : index
  %size = tensor.dim %x, %c0 : tensor<$Mx$Kxi8>
  %w = arith.constant $WEIGHTS : tensor<$WSHAPExi8>
  %bias = arith.constant $BIAS : tensor<$Nxi32>
  %ie = tensor.empty($SIZE) : tensor<$Mx$Nxi32>
  %init = linalg.generic {indexing_maps = [#col, #id], iterator_types = ["parallel", "parallel"]}
    ins(%bias : tensor<$Nxi32>) outs(%ie : tensor<$Mx$Nxi32>) {
  ^bb0(%b: i32, %o: i32):
    linalg.yield %b : i32
  } -> tensor<$Mx$Nxi32>
  %p = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> ($WMAP)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<$Mx$Kxi8>, tensor<$WSHAPExi8>) outs(%init : tensor<$Mx$Nxi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %zx = arith.constant $LZERO : i32
    %zw = arith.constant $RZERO : i32
    %a0 = arith.$LEXT %a : i8 to i32
    %a1 = arith.subi %a0, %zx : i32
    %b0 = arith.$REXT %b : i8 to i32
    %b1 = arith.subi %b0, %zw : i32
    %t = arith.muli %a1, %b1 : i32
    %u = arith.addi %s, %t : i32
    linalg.yield %u : i32
  } -> tensor<$Mx$Nxi32>
$BODY}
)";

/// With M rows; unknown ones if it is 0.
static std::string makeFunction(const ByteProduct &c, int64_t m) {
  std::mt19937 random(c.n * 1000 + c.k);
  std::string text = kProduct;
  auto put = [&](StringRef from, const std::string &to) {
    replaceAll(text, from, to);
  };
  put("$BODY", getBodyText(c.body));
  put("$TYPE", getResultType(c.body).str());
  put("$WSHAPE", c.isRhsTransposed ? "$Nx$K" : "$Kx$N");
  put("$WMAP", c.isRhsTransposed ? "n, k" : "k, n");
  put("$SIZE", m == 0 ? "%size" : "");
  put("$LZERO", std::to_string(c.lhsZeroPoint));
  put("$RZERO", std::to_string(c.rhsZeroPoint));
  put("$LEXT", c.isLhsUnsigned ? "extui" : "extsi");
  put("$REXT", c.isRhsUnsigned ? "extui" : "extsi");
  put("$ADDEND", c.body == Body::Residual ? "%a32" : "%hi");
  put("$MULT", makeDense<int32_t>(c.n, [&] { return int32_t(random()); }));
  put("$SHIFT",
      makeDense<uint8_t>(c.n, [&] { return uint8_t(40 + random() % 6); }));
  put("$WEIGHTS",
      makeDense<uint8_t>(c.k * c.n, [&] { return uint8_t(random()); }));
  put("$BIAS", makeDense<int32_t>(c.n, [&] {
        return c.body == Body::Nothing ? 0 : int32_t(random() % 65536) - 32768;
      }));
  put("$M", m == 0 ? "?" : std::to_string(m));
  put("$N", std::to_string(c.n));
  put("$K", std::to_string(c.k));
  return text;
}

LoweredKernel lower(const ByteProduct &c, int64_t m) {
  return LoweredKernel(
      makeFunction(c, m), c.tier == "wgmma" ? "sm_90a" : "sm_80",
      [&](OpPassManager &pm) {
        FuseProductsOptions options;
        options.tier = c.tier;
        pm.addPass(createFuseProducts(options));
      },
      [&](OpPassManager &pm) {
        ProductsToKernelsOptions options;
        options.tier = c.tier;
        options.blockRows = c.blockRows;
        options.blockColumns = c.blockColumns;
        options.stages = c.stages;
        pm.addPass(createProductsToKernels(options));
      });
}

ExpectedResult getExpected(const ByteProduct &c, int64_t m) {
  return ExpectedResult(makeFunction(c, m),
                        {makeBytes(m * c.k, 1), makeBytes(m * c.n, 2)}, m);
}

void check(const ByteProduct &c, llvm::ArrayRef<int64_t> rows) {
  SCOPED_TRACE(getName(c));
  LoweredKernel kernel = lower(c);
  kernel.load(kernel.getText());
  ExpectedResult expected =
      getExpected(c, *std::max_element(rows.begin(), rows.end()));
  for (int64_t m : rows)
    for (int seed : {0, 1})
      EXPECT_EQ(expected.check(kernel, m, seed), "")
          << m << " rows, seed " << seed;
}

} // namespace mlir::qfmt
