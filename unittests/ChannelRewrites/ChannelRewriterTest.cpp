//===- ChannelRewriterTest.cpp - Changes that leave functions alone -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Networks in which the tensor {tensor} gets permuted, scaled, shifted or
// rotated channels for the operations {reader}. Each change is verified by
// running both functions in double; what is folded and materialized is counted.
//
//===----------------------------------------------------------------------===//

#include "ChannelRewriter.h"
#include "NetworkTest.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/Support/SplitMix64.h"
#include "gtest/gtest.h"
#include <numeric>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

/// `random<2x3>` in the text becomes a constant of type tensor<2x3xf32>.
std::string fillIn(StringRef text) {
  std::string result;
  SplitMix64 random(7);
  while (true) {
    auto [before, after] = text.split("random<");
    result += before.str();
    if (after.data() == text.data() || before.size() == text.size())
      return result;
    auto [shapeText, rest] = after.split('>');
    SmallVector<StringRef> parts;
    shapeText.split(parts, 'x');
    SmallVector<int64_t> shape;
    for (StringRef part : parts)
      shape.push_back(std::stoll(part.str()));
    std::function<std::string(size_t)> print = [&](size_t dim) {
      if (dim == shape.size())
        return std::to_string(2 * random.uniform() - 1);
      std::string list = "[";
      for (int64_t i = 0; i < shape[dim]; ++i)
        list += (i ? ", " : "") + print(dim + 1);
      return list + "]";
    };
    result += "arith.constant dense<" + print(0) + "> : tensor<" +
              shapeText.str() + "xf32>";
    text = rest;
  }
}

enum Parts { Order = 1, Scale = 2, Shift = 4 };

class ChannelRewriterTest : public NetworkTest {
protected:
  void parse(StringRef text) {
    module = parseSourceString<ModuleOp>(fillIn(text), &context);
    ASSERT_TRUE(module) << errors;
    module->walk([&](Operation *op) {
      if (op->hasAttr("tensor"))
        tensor = op->getResult(0);
      if (op->hasAttr("reader"))
        readers.push_back(op);
    });
    if (!tensor)
      tensor = readers.front()->getOperand(0);
  }

  SmallVector<int64_t> getShape(ArrayRef<int64_t> axes) {
    SmallVector<int64_t> shape;
    for (int64_t axis : axes)
      shape.push_back(
          cast<RankedTensorType>(tensor.getType()).getDimSize(axis));
    return shape;
  }

  /// Random; channels move within runs of `run` of them, all if it is 0.
  ChannelMap makeMap(ArrayRef<int64_t> axes, int parts, int64_t run = 0,
                     bool tied = false) {
    ChannelMap map(axes, getShape(axes));
    SplitMix64 random(11);
    if (run == 0)
      run = map.size();
    if (parts & Order)
      for (int64_t start = 0; start < map.size(); start += run)
        for (int64_t i = run - 1; i > 0; --i)
          std::swap(map.order[start + i],
                    map.order[start + random.next() % (i + 1)]);
    if (tied)
      for (int64_t i = run; i < map.size(); ++i)
        map.order[i] = map.order[i - run] + run;
    for (int64_t i = 0; i < map.size(); ++i) {
      if (parts & Scale)
        map.scale[i] = 0.25 + 3 * random.uniform();
      if (parts & Shift)
        map.shift[i] = 2 * random.uniform() - 1;
    }
    return map;
  }

  ChannelMap makeRotation(ArrayRef<int64_t> axes, int64_t block) {
    SmallVector<int64_t> shape = getShape(axes);
    int64_t size = ShapedType::getNumElements(shape);
    return ChannelMap::rotate(axes, shape, Rotation::get(size, block, 3));
  }

  /// Does it and verifies it; -1 if it is refused.
  int64_t rewrite(const ChannelMap &map, bool materialize = true,
                  bool gather = false) {
    ChannelOptions options;
    options.materialize = materialize;
    options.gather = gather;
    options.verifyEquivalence = true;
    ChannelRewriter rewriter(*module, options);
    // Named operations have become generic ones.
    if (!readers.empty())
      tensor = readers.front()->getOperand(0);
    bool done = rewriter.rewrite(tensor, map, readers, "test");
    EXPECT_TRUE(succeeded(rewriter.finish())) << errors << remarks;
    EXPECT_TRUE(succeeded(verify(*module))) << errors;
    if (!done)
      return -1;
    folded = rewriter.getTotal().folded;
    return rewriter.getTotal().materialized;
  }

  OwningOpRef<ModuleOp> module;
  Value tensor;
  SmallVector<Operation *> readers;
  int64_t folded = 0;
};

/// Layer norm, then two linear layers; the residual stream goes on.
constexpr const char *kPreNorm = R"(
#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#column = affine_map<(d0, d1) -> (d1)>
func.func @main(%x: tensor<4x12xf32>) -> (tensor<4x8xf32>, tensor<4x12xf32>) {
  %zero = arith.constant 0.0 : f32
  %n = arith.constant 12.0 : f32
  %gamma = random<12>
  %beta = random<12>
  %w1 = random<12x8>
  %w2 = random<12x12>
  %b1 = random<8>
  %e1 = tensor.empty() : tensor<4xf32>
  %e = tensor.empty() : tensor<4x12xf32>
  %e8 = tensor.empty() : tensor<4x8xf32>
  %z1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<4xf32>) -> tensor<4xf32>
  %sum = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x12xf32>) outs(%z1 : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %a, %o : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  %c = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %sum : tensor<4x12xf32>, tensor<4xf32>) outs(%e : tensor<4x12xf32>) {
  ^bb0(%a: f32, %m: f32, %o: f32):
    %mean = arith.divf %m, %n : f32
    %d = arith.subf %a, %mean : f32
    linalg.yield %d : f32
  } -> tensor<4x12xf32>
  %g = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%c, %gamma : tensor<4x12xf32>, tensor<12xf32>) outs(%e : tensor<4x12xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<4x12xf32>
  %y = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%g, %beta : tensor<4x12xf32>, tensor<12xf32>) outs(%e : tensor<4x12xf32>) attrs = {tensor} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.addf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<4x12xf32>
  %bias = linalg.broadcast ins(%b1 : tensor<8xf32>) outs(%e8 : tensor<4x8xf32>) dimensions = [0]
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<4x12xf32>) -> tensor<4x12xf32>
  %l1 = linalg.matmul {reader} ins(%y, %w1 : tensor<4x12xf32>, tensor<12x8xf32>) outs(%bias : tensor<4x8xf32>) -> tensor<4x8xf32>
  %l2 = linalg.matmul {reader} ins(%y, %w2 : tensor<4x12xf32>, tensor<12x12xf32>) outs(%z : tensor<4x12xf32>) -> tensor<4x12xf32>
  %r = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %l2 : tensor<4x12xf32>, tensor<4x12xf32>) outs(%e : tensor<4x12xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.addf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<4x12xf32>
  return %l1, %r : tensor<4x8xf32>, tensor<4x12xf32>
}
)";

TEST_F(ChannelRewriterTest, NormAbsorbsScaleAndShift) {
  parse(kPreNorm);
  EXPECT_EQ(rewrite(makeMap({1}, Scale | Shift), /*materialize=*/false), 0)
      << remarks;
  EXPECT_EQ(folded, 4); // gamma, beta, both layers.
}

TEST_F(ChannelRewriterTest, UntrainedNormAbsorbsScaleAndShift) {
  std::string text = kPreNorm;
  for (auto [what, with] :
       {std::pair<std::string, std::string>(
            "%gamma = random<12>",
            "%gamma = arith.constant dense<1.0> : tensor<12xf32>"),
        {"%beta = random<12>",
         "%beta = arith.constant dense<0.0> : tensor<12xf32>"}})
    text.replace(text.find(what), what.size(), with);
  parse(text);
  EXPECT_EQ(rewrite(makeMap({1}, Scale | Shift), /*materialize=*/false), 0)
      << remarks;
  EXPECT_EQ(folded, 4);
}

TEST_F(ChannelRewriterTest, PowersOfTwoChangeNoBit) {
  parse(kPreNorm);
  ChannelMap map = makeMap({1}, Scale);
  for (auto [i, scale] : llvm::enumerate(map.scale))
    scale = std::ldexp(1.0, static_cast<int>(i) - 6);
  EXPECT_EQ(rewrite(map), 0);
  EXPECT_NE(remarks.find("equivalent: 0.00e+00 of the largest result; with "
                         "rounded constants 0.00e+00"),
            std::string::npos)
      << remarks;
}

TEST_F(ChannelRewriterTest, PermutationOfTheStreamReachesTheArgument) {
  parse(kPreNorm);
  // One gather of the argument, one of the sum that is returned.
  EXPECT_EQ(rewrite(makeMap({1}, Order)), -1);
  EXPECT_NE(remarks.find("refused"), std::string::npos) << remarks;
}

TEST_F(ChannelRewriterTest, GathersWhereTheyAreAllowed) {
  parse(kPreNorm);
  // Cheaper than to have the whole stream follow.
  EXPECT_EQ(rewrite(makeMap({1}, Order), true, /*gather=*/true), 1) << remarks;
}

TEST_F(ChannelRewriterTest, RotationIsMaterializedBehindANorm) {
  parse(kPreNorm);
  EXPECT_EQ(rewrite(makeRotation({1}, 4)), 1) << remarks;
}

TEST_F(ChannelRewriterTest, RefusedWhereNothingMayBeAdded) {
  parse(kPreNorm);
  EXPECT_EQ(rewrite(makeRotation({1}, 4), /*materialize=*/false), -1);
}

TEST_F(ChannelRewriterTest, VerificationFindsAnotherFunction) {
  parse(kPreNorm);
  ChannelOptions options;
  options.verifyEquivalence = true;
  ChannelRewriter rewriter(*module, options);
  ASSERT_TRUE(rewriter.rewrite(tensor, makeMap({1}, Scale), readers, "test"));
  // One weight in a million of its size too large.
  auto constant = readers[1]->getOperand(1).getDefiningOp<arith::ConstantOp>();
  std::vector<double> values = *readFloats(constant.getValue());
  values[5] *= 1 + 1e-6;
  OpBuilder builder(readers[1]);
  readers[1]->setOperand(
      1, arith::ConstantOp::create(
             builder, constant.getLoc(),
             makeFloats(cast<RankedTensorType>(constant.getType()), values,
                        "tampered")));
  EXPECT_TRUE(failed(rewriter.finish()));
  EXPECT_NE(errors.find("computes something else"), std::string::npos);
}

/// Convolution, relu, padding, depthwise convolution, convolution.
constexpr const char *kConvolutions = R"(
#id = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
func.func @main(%x: tensor<1x3x6x6xf32>) -> tensor<1x4x4x4xf32> {
  %zero = arith.constant 0.0 : f32
  %w1 = random<8x3x3x3>
  %wd = random<8x3x3>
  %w2 = random<4x8x1x1>
  %b1 = random<8>
  %e1 = tensor.empty() : tensor<1x8x4x4xf32>
  %e2 = tensor.empty() : tensor<1x4x4x4xf32>
  %bias = linalg.broadcast ins(%b1 : tensor<8xf32>) outs(%e1 : tensor<1x8x4x4xf32>) dimensions = [0, 2, 3]
  %z1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
  %z2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %c1 = linalg.conv_2d_nchw_fchw ins(%x, %w1 : tensor<1x3x6x6xf32>, tensor<8x3x3x3xf32>) outs(%bias : tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c1 : tensor<1x8x4x4xf32>) outs(%e1 : tensor<1x8x4x4xf32>) attrs = {tensor} {
  ^bb0(%a: f32, %o: f32):
    %m = arith.maximumf %a, %zero : f32
    linalg.yield %m : f32
  } -> tensor<1x8x4x4xf32>
  %p = tensor.pad %r low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x8x4x4xf32> to tensor<1x8x6x6xf32>
  %d = linalg.depthwise_conv_2d_nchw_chw ins(%p, %wd : tensor<1x8x6x6xf32>, tensor<8x3x3xf32>) outs(%z1 : tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
  %c2 = linalg.conv_2d_nchw_fchw ins(%d, %w2 : tensor<1x8x4x4xf32>, tensor<4x8x1x1xf32>) outs(%z2 : tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  return %c2 : tensor<1x4x4x4xf32>
}
)";

TEST_F(ChannelRewriterTest, ScalePassesReluAndStopsInDepthwiseWeights) {
  parse(kConvolutions);
  EXPECT_EQ(rewrite(makeMap({1}, Scale)), 0) << remarks;
  EXPECT_EQ(folded, 2);
}

TEST_F(ChannelRewriterTest, PermutationPassesDepthwiseConvolutions) {
  parse(kConvolutions);
  EXPECT_EQ(rewrite(makeMap({1}, Order | Scale)), 0) << remarks;
  EXPECT_EQ(folded, 3);
}

TEST_F(ChannelRewriterTest, ScalePassesPooling) {
  parse(R"(
func.func @main(%x: tensor<1x2x4x4xf32>) -> tensor<1x3x2x2xf32> {
  %zero = arith.constant 0.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %w1 = random<4x2x1x1>
  %w2 = random<3x4x1x1>
  %window = tensor.empty() : tensor<3x3xf32>
  %e1 = tensor.empty() : tensor<1x4x4x4xf32>
  %e2 = tensor.empty() : tensor<1x4x2x2xf32>
  %e3 = tensor.empty() : tensor<1x3x2x2xf32>
  %z1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %m = linalg.fill ins(%low : f32) outs(%e2 : tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  %z3 = linalg.fill ins(%zero : f32) outs(%e3 : tensor<1x3x2x2xf32>) -> tensor<1x3x2x2xf32>
  %c = linalg.conv_2d_nchw_fchw ins(%x, %w1 : tensor<1x2x4x4xf32>, tensor<4x2x1x1xf32>) outs(%z1 : tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %p = linalg.pooling_nchw_max {tensor} ins(%c, %window : tensor<1x4x4x4xf32>, tensor<3x3xf32>) outs(%m : tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  %y = linalg.conv_2d_nchw_fchw {reader} ins(%p, %w2 : tensor<1x4x2x2xf32>, tensor<3x4x1x1xf32>) outs(%z3 : tensor<1x3x2x2xf32>) -> tensor<1x3x2x2xf32>
  return %y : tensor<1x3x2x2xf32>
}
)");
  EXPECT_EQ(rewrite(makeMap({1}, Order | Scale)), 0) << remarks;
  EXPECT_EQ(folded, 2);
}

TEST_F(ChannelRewriterTest, ChangedChannelsAreObservedAnew) {
  parse(R"(
func.func @main(%x: tensor<4x6xf32>) -> tensor<4x5xf32> {
  %zero = arith.constant 0.0 : f32
  %w = random<6x5>
  %e = tensor.empty() : tensor<4x5xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<4x5xf32>) -> tensor<4x5xf32>
  %o = qfmt.observe %x "x" statistics = <min = 0.0, max = 1.0, count = 1, histogram = [0, 1]> : tensor<4x6xf32>
  %y = linalg.matmul {reader} ins(%o, %w : tensor<4x6xf32>, tensor<6x5xf32>) outs(%z : tensor<4x5xf32>) -> tensor<4x5xf32>
  return %y : tensor<4x5xf32>
}
)");
  EXPECT_EQ(rewrite(makeMap({1}, Scale)), 1) << remarks;
  auto observe = readers[0]->getOperand(0).getDefiningOp<ObserveOp>();
  ASSERT_TRUE(observe);
  EXPECT_EQ(observe.getId(), "x.channels.0");
  EXPECT_FALSE(observe.getStatistics());
}

TEST_F(ChannelRewriterTest, ShiftDoesNotPassRelu) {
  parse(kConvolutions);
  EXPECT_EQ(rewrite(makeMap({1}, Shift)), -1) << remarks;
}

/// Attention of two heads (one for keys and values if `grouped`), keys and
/// queries rotated by position if `rotary`.
std::string makeAttention(bool grouped, bool rotary) {
  std::string heads = grouped ? "1" : "2", width = grouped ? "4" : "8";
  std::string text = R"(
#id = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#table = affine_map<(d0, d1, d2) -> (d1, d2)>
#row = affine_map<(d0, d1, d2) -> (d0, d1)>
#first = affine_map<(d0, d1, d2) -> (0, d1, d2)>
#qk0 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
#qk1 = affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>
#qk2 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
#pv1 = affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>
func.func @main(%x: tensor<3x12xf32>) -> tensor<3x5xf32> {
  %zero = arith.constant 0.0 : f32
  %wq = random<12x8>
  %wk = random<12xWIDTH>
  %wv = random<12xWIDTH>
  %wo = random<8x5>
  %cos = random<3x4>
  %sin = random<3x4>
  %e8 = tensor.empty() : tensor<3x8xf32>
  %ek = tensor.empty() : tensor<3xWIDTHxf32>
  %e5 = tensor.empty() : tensor<3x5xf32>
  %et = tensor.empty() : tensor<2x3x4xf32>
  %es = tensor.empty() : tensor<2x3x3xf32>
  %er = tensor.empty() : tensor<2x3xf32>
  %z8 = linalg.fill ins(%zero : f32) outs(%e8 : tensor<3x8xf32>) -> tensor<3x8xf32>
  %zk = linalg.fill ins(%zero : f32) outs(%ek : tensor<3xWIDTHxf32>) -> tensor<3xWIDTHxf32>
  %z5 = linalg.fill ins(%zero : f32) outs(%e5 : tensor<3x5xf32>) -> tensor<3x5xf32>
  %zs = linalg.fill ins(%zero : f32) outs(%es : tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
  %zt = linalg.fill ins(%zero : f32) outs(%et : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %zr = linalg.fill ins(%zero : f32) outs(%er : tensor<2x3xf32>) -> tensor<2x3xf32>
  %q = linalg.matmul ins(%x, %wq : tensor<3x12xf32>, tensor<12x8xf32>) outs(%z8 : tensor<3x8xf32>) -> tensor<3x8xf32>
  %k = linalg.matmul KTENSOR ins(%x, %wk : tensor<3x12xf32>, tensor<12xWIDTHxf32>) outs(%zk : tensor<3xWIDTHxf32>) -> tensor<3xWIDTHxf32>
  %v = linalg.matmul ins(%x, %wv : tensor<3x12xf32>, tensor<12xWIDTHxf32>) outs(%zk : tensor<3xWIDTHxf32>) -> tensor<3xWIDTHxf32>
  %qs = tensor.expand_shape %q [[0], [1, 2]] output_shape [3, 2, 4] : tensor<3x8xf32> into tensor<3x2x4xf32>
  %ks = tensor.expand_shape %k [[0], [1, 2]] output_shape [3, HEADS, 4] : tensor<3xWIDTHxf32> into tensor<3xHEADSx4xf32>
  %vs = tensor.expand_shape %v [[0], [1, 2]] output_shape [3, HEADS, 4] : tensor<3xWIDTHxf32> into tensor<3xHEADSx4xf32>
  %eh = tensor.empty() : tensor<HEADSx3x4xf32>
  %qt = linalg.transpose ins(%qs : tensor<3x2x4xf32>) outs(%et : tensor<2x3x4xf32>) permutation = [1, 0, 2]
  %kt = linalg.transpose ins(%ks : tensor<3xHEADSx4xf32>) outs(%eh : tensor<HEADSx3x4xf32>) permutation = [1, 0, 2]
  %vt = linalg.transpose ins(%vs : tensor<3xHEADSx4xf32>) outs(%eh : tensor<HEADSx3x4xf32>) permutation = [1, 0, 2]
)";
  for (const char *name : {"k", "v"}) {
    std::string n = name;
    if (grouped)
      text += "  %" + n +
              "h = linalg.generic {indexing_maps = [#first, #id], "
              "iterator_types = [\"parallel\", \"parallel\", \"parallel\"]} "
              "ins(%" +
              n +
              "t : tensor<1x3x4xf32>) outs(%et : tensor<2x3x4xf32>) {\n"
              "  ^bb0(%a: f32, %o: f32):\n    linalg.yield %a : f32\n"
              "  } -> tensor<2x3x4xf32>\n";
    else
      text += "  %" + n + "h = linalg.copy ins(%" + n +
              "t : tensor<2x3x4xf32>) outs(%et : tensor<2x3x4xf32>) -> "
              "tensor<2x3x4xf32>\n";
  }
  for (const char *name : {"q", "k"}) {
    std::string n = name, from = n == "q" ? "%qt" : "%kh";
    if (!rotary) {
      text += "  %" + n + "r = linalg.copy ins(" + from +
              " : tensor<2x3x4xf32>) outs(%et : tensor<2x3x4xf32>) -> "
              "tensor<2x3x4xf32>\n";
      continue;
    }
    std::string part = R"(
  %Na = tensor.extract_slice FROM[0, 0, 0] [2, 3, 2] [1, 1, 1] : tensor<2x3x4xf32> to tensor<2x3x2xf32>
  %Nb = tensor.extract_slice FROM[0, 0, 2] [2, 3, 2] [1, 1, 1] : tensor<2x3x4xf32> to tensor<2x3x2xf32>
  %Ne = tensor.empty() : tensor<2x3x2xf32>
  %Nn = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%Nb : tensor<2x3x2xf32>) outs(%Ne : tensor<2x3x2xf32>) {
  ^bb0(%a: f32, %o: f32):
    %m = arith.negf %a : f32
    linalg.yield %m : f32
  } -> tensor<2x3x2xf32>
  %Nh = tensor.concat dim(2) %Nn, %Na : (tensor<2x3x2xf32>, tensor<2x3x2xf32>) -> tensor<2x3x4xf32>
  %Nc = linalg.generic {indexing_maps = [#id, #table, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(FROM, %cos : tensor<2x3x4xf32>, tensor<3x4xf32>) outs(%et : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<2x3x4xf32>
  %Ns = linalg.generic {indexing_maps = [#id, #table, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%Nh, %sin : tensor<2x3x4xf32>, tensor<3x4xf32>) outs(%et : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<2x3x4xf32>
  %NAMEr = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%Nc, %Ns : tensor<2x3x4xf32>, tensor<2x3x4xf32>) outs(%et : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.addf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<2x3x4xf32>
)";
    for (auto [what, with] : {std::pair<std::string, std::string>("FROM", from),
                              {"%NAME", "%" + n},
                              {"%N", "%rotary_" + n}})
      for (size_t at; (at = part.find(what)) != std::string::npos;)
        part.replace(at, what.size(), with);
    text += part;
  }
  text += R"(
  %s = linalg.generic {indexing_maps = [#qk0, #qk1, #qk2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%qr, %kr : tensor<2x3x4xf32>, tensor<2x3x4xf32>) outs(%zs : tensor<2x3x3xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %n = arith.addf %o, %m : f32
    linalg.yield %n : f32
  } -> tensor<2x3x3xf32>
  %p = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%s : tensor<2x3x3xf32>) outs(%es : tensor<2x3x3xf32>) {
  ^bb0(%a: f32, %o: f32):
    %m = math.tanh %a : f32
    linalg.yield %m : f32
  } -> tensor<2x3x3xf32>
  %c = linalg.generic {indexing_maps = [#qk0, #pv1, #qk2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%p, %vh : tensor<2x3x3xf32>, tensor<2x3x4xf32>) outs(%zt : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %n = arith.addf %o, %m : f32
    linalg.yield %n : f32
  } -> tensor<2x3x4xf32>
  %eb = tensor.empty() : tensor<3x2x4xf32>
  %ct = linalg.transpose ins(%c : tensor<2x3x4xf32>) outs(%eb : tensor<3x2x4xf32>) permutation = [1, 0, 2]
  %cc = tensor.collapse_shape %ct [[0], [1, 2]] OTENSOR : tensor<3x2x4xf32> into tensor<3x8xf32>
  %y = linalg.matmul OREADER ins(%cc, %wo : tensor<3x8xf32>, tensor<8x5xf32>) outs(%z5 : tensor<3x5xf32>) -> tensor<3x5xf32>
  return %y : tensor<3x5xf32>
}
)";
  for (auto [what, with] :
       {std::pair<StringRef, StringRef>("WIDTH", width), {"HEADS", heads}})
    for (size_t at; (at = text.find(what.str())) != std::string::npos;)
      text.replace(at, what.size(), with.str());
  return text;
}

/// The tensor is K, or what the output projection reads.
std::string choose(std::string text, bool keys) {
  for (auto [what, with] :
       {std::pair<StringRef, StringRef>("KTENSOR", keys ? "{tensor}" : ""),
        {"OTENSOR", keys ? "" : "{tensor}"},
        {"OREADER", keys ? "" : "{reader}"}})
    text.replace(text.find(what.str()), what.size(), with.str());
  return text;
}

TEST_F(ChannelRewriterTest, KeysAndQueriesArePermutedAlike) {
  parse(choose(makeAttention(false, false), /*keys=*/true));
  EXPECT_EQ(rewrite(makeMap({1}, Order, 4)), 0) << remarks;
  EXPECT_EQ(folded, 2);
}

TEST_F(ChannelRewriterTest, KeysAreScaledQueriesInversely) {
  parse(choose(makeAttention(false, false), /*keys=*/true));
  EXPECT_EQ(rewrite(makeMap({1}, Scale)), 0) << remarks;
}

TEST_F(ChannelRewriterTest, KeysAreRotatedWithinHeads) {
  parse(choose(makeAttention(false, false), /*keys=*/true));
  EXPECT_EQ(rewrite(makeRotation({1}, 4)), 0) << remarks;
}

TEST_F(ChannelRewriterTest, ChannelsDoNotLeaveTheirHead) {
  parse(choose(makeAttention(false, false), /*keys=*/true));
  EXPECT_EQ(rewrite(makeMap({1}, Order)), -1);
  EXPECT_NE(remarks.find("between batches"), std::string::npos) << remarks;
}

TEST_F(ChannelRewriterTest, ValuesTakeThePermutationOfTheirHeads) {
  parse(choose(makeAttention(false, false), /*keys=*/false));
  EXPECT_EQ(rewrite(makeMap({1}, Order | Scale, 4)), 0) << remarks;
  EXPECT_EQ(folded, 2);
}

TEST_F(ChannelRewriterTest, GroupedKeysAreSharedByQueries) {
  parse(choose(makeAttention(true, false), /*keys=*/true));
  EXPECT_EQ(rewrite(makeMap({1}, Order | Scale)), 0) << remarks;
  EXPECT_EQ(folded, 2);
}

TEST_F(ChannelRewriterTest, GroupedValuesNeedOneOrderForAllHeads) {
  parse(choose(makeAttention(true, false), /*keys=*/false));
  EXPECT_EQ(rewrite(makeMap({1}, Order, 4)), -1);
}

TEST_F(ChannelRewriterTest, GroupedValuesTakeTiedOrders) {
  parse(choose(makeAttention(true, false), /*keys=*/false));
  EXPECT_EQ(rewrite(makeMap({1}, Order, 4, /*tied=*/true)), 0) << remarks;
  EXPECT_EQ(folded, 2);
}

TEST_F(ChannelRewriterTest, RotaryPairsMove) {
  parse(choose(makeAttention(false, true), /*keys=*/true));
  // Channels i and i + 2 are a pair; both pairs of a head change places.
  ChannelMap map = ChannelMap::permute({1}, {8}, {1, 0, 3, 2, 4, 5, 6, 7});
  EXPECT_EQ(rewrite(map), 0) << remarks;
}

TEST_F(ChannelRewriterTest, RotaryTablesAndPartnersFollowAnyOrder) {
  parse(choose(makeAttention(false, true), /*keys=*/true));
  EXPECT_EQ(rewrite(makeMap({1}, Order, 4), true, /*gather=*/true), 0)
      << remarks;
}

TEST_F(ChannelRewriterTest, RotaryPartnersAreNotGatheredUnasked) {
  parse(choose(makeAttention(false, true), /*keys=*/true));
  EXPECT_EQ(rewrite(makeMap({1}, Order, 4)), -1);
}

TEST_F(ChannelRewriterTest, RotaryScalesAreThoseOfPairs) {
  parse(choose(makeAttention(false, true), /*keys=*/true));
  ChannelMap map = ChannelMap::affine({1}, {8}, {2, 3, 2, 3, 4, 5, 4, 5});
  EXPECT_EQ(rewrite(map), 0) << remarks;
}

TEST_F(ChannelRewriterTest, GroupedRotaryKeys) {
  parse(choose(makeAttention(true, true), /*keys=*/true));
  EXPECT_EQ(rewrite(makeMap({1}, Order, 4), true, /*gather=*/true), 0)
      << remarks;
}

/// Keys and queries by one product; values would be a third slice.
constexpr const char *kFusedScores = R"(
func.func @main(%x: tensor<3x12xf32>) -> (tensor<3x3xf32>, tensor<3x4xf32>) {
  %zero = arith.constant 0.0 : f32
  %w = random<12x12>
  %b = random<12>
  %e = tensor.empty() : tensor<3x12xf32>
  %es = tensor.empty() : tensor<3x3xf32>
  %bias = linalg.broadcast ins(%b : tensor<12xf32>) outs(%e : tensor<3x12xf32>) dimensions = [0]
  %zs = linalg.fill ins(%zero : f32) outs(%es : tensor<3x3xf32>) -> tensor<3x3xf32>
  %qkv = linalg.matmul ins(%x, %w : tensor<3x12xf32>, tensor<12x12xf32>) outs(%bias : tensor<3x12xf32>) -> tensor<3x12xf32>
  %q = tensor.extract_slice %qkv[0, 0] [3, 4] [1, 1] : tensor<3x12xf32> to tensor<3x4xf32>
  %k = tensor.extract_slice %qkv[0, 4] [3, 4] [1, 1] {tensor} : tensor<3x12xf32> to tensor<3x4xf32>
  %v = tensor.extract_slice %qkv[0, 8] [3, 4] [1, 1] : tensor<3x12xf32> to tensor<3x4xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>,
      affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%q, %k : tensor<3x4xf32>, tensor<3x4xf32>) outs(%zs : tensor<3x3xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %m = arith.mulf %a, %c : f32
    %n = arith.addf %o, %m : f32
    linalg.yield %n : f32
  } -> tensor<3x3xf32>
  return %s, %v : tensor<3x3xf32>, tensor<3x4xf32>
}
)";

TEST_F(ChannelRewriterTest, KeysAndQueriesOfOneProduct) {
  parse(kFusedScores);
  EXPECT_EQ(rewrite(makeMap({1}, Order | Scale)), 0) << remarks;
  EXPECT_EQ(folded, 1);
}

/// Gated unit: tanh(x Wg) * (x Wu), then a linear layer.
constexpr const char *kGated = R"(
#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @main(%x: tensor<4x6xf32>) -> tensor<4x5xf32> {
  %zero = arith.constant 0.0 : f32
  %wg = random<6x8>
  %wu = random<6x8>
  %wd = random<8x5>
  %e8 = tensor.empty() : tensor<4x8xf32>
  %e5 = tensor.empty() : tensor<4x5xf32>
  %z8 = linalg.fill ins(%zero : f32) outs(%e8 : tensor<4x8xf32>) -> tensor<4x8xf32>
  %z5 = linalg.fill ins(%zero : f32) outs(%e5 : tensor<4x5xf32>) -> tensor<4x5xf32>
  %g = linalg.matmul ins(%x, %wg : tensor<4x6xf32>, tensor<6x8xf32>) outs(%z8 : tensor<4x8xf32>) -> tensor<4x8xf32>
  %u = linalg.matmul ins(%x, %wu : tensor<4x6xf32>, tensor<6x8xf32>) outs(%z8 : tensor<4x8xf32>) -> tensor<4x8xf32>
  %t = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%g : tensor<4x8xf32>) outs(%e8 : tensor<4x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %m = math.tanh %a : f32
    linalg.yield %m : f32
  } -> tensor<4x8xf32>
  %h = linalg.mul ins(%t, %u : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e8 : tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = linalg.matmul {reader} ins(%h, %wd : tensor<4x8xf32>, tensor<8x5xf32>) outs(%z5 : tensor<4x5xf32>) -> tensor<4x5xf32>
  return %y : tensor<4x5xf32>
}
)";

TEST_F(ChannelRewriterTest, ScaleOfAGatedUnitGoesUp) {
  parse(kGated);
  EXPECT_EQ(rewrite(makeMap({1}, Scale)), 0) << remarks;
  EXPECT_EQ(folded, 2);
}

TEST_F(ChannelRewriterTest, PermutationOfAGatedUnitTakesBoth) {
  parse(kGated);
  EXPECT_EQ(rewrite(makeMap({1}, Order | Scale)), 0) << remarks;
  EXPECT_EQ(folded, 3);
}

/// Two branches side by side, then a linear layer.
constexpr const char *kConcat = R"(
func.func @main(%x: tensor<4x6xf32>) -> tensor<4x5xf32> {
  %zero = arith.constant 0.0 : f32
  %w1 = random<6x4>
  %w2 = random<6x4>
  %c = random<4x4>
  %wd = random<12x5>
  %e4 = tensor.empty() : tensor<4x4xf32>
  %e5 = tensor.empty() : tensor<4x5xf32>
  %z4 = linalg.fill ins(%zero : f32) outs(%e4 : tensor<4x4xf32>) -> tensor<4x4xf32>
  %z5 = linalg.fill ins(%zero : f32) outs(%e5 : tensor<4x5xf32>) -> tensor<4x5xf32>
  %a = linalg.matmul ins(%x, %w1 : tensor<4x6xf32>, tensor<6x4xf32>) outs(%z4 : tensor<4x4xf32>) -> tensor<4x4xf32>
  %b = linalg.matmul ins(%x, %w2 : tensor<4x6xf32>, tensor<6x4xf32>) outs(%z4 : tensor<4x4xf32>) -> tensor<4x4xf32>
  %h = tensor.concat dim(1) %a, %b, %c {tensor} : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x12xf32>
  %y = linalg.matmul {reader} ins(%h, %wd : tensor<4x12xf32>, tensor<12x5xf32>) outs(%z5 : tensor<4x5xf32>) -> tensor<4x5xf32>
  return %y : tensor<4x5xf32>
}
)";

TEST_F(ChannelRewriterTest, BranchesOfAConcatenationTakeTheirShare) {
  parse(kConcat);
  EXPECT_EQ(rewrite(makeMap({1}, Order | Scale | Shift, 4)), 0) << remarks;
  EXPECT_EQ(folded, 4);
}

TEST_F(ChannelRewriterTest, ChannelsDoNotLeaveTheirBranch) {
  parse(kConcat);
  EXPECT_EQ(rewrite(makeMap({1}, Order)), -1);
}

//===----------------------------------------------------------------------===//
// What random networks, and a second look, have found
//===----------------------------------------------------------------------===//

TEST_F(ChannelRewriterTest, PairsOfAnArgumentAreGathered) {
  parse(R"(
#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x5xf32> {
  %zero = arith.constant 0.0 : f32
  %w = random<4x5>
  %e2 = tensor.empty() : tensor<3x2xf32>
  %e5 = tensor.empty() : tensor<3x5xf32>
  %z5 = linalg.fill ins(%zero : f32) outs(%e5 : tensor<3x5xf32>) -> tensor<3x5xf32>
  %a = tensor.extract_slice %x[0, 0] [3, 2] [1, 1] : tensor<3x4xf32> to tensor<3x2xf32>
  %b = tensor.extract_slice %x[0, 2] [3, 2] [1, 1] : tensor<3x4xf32> to tensor<3x2xf32>
  %n = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%b : tensor<3x2xf32>) outs(%e2 : tensor<3x2xf32>) {
  ^bb0(%p: f32, %o: f32):
    %m = arith.negf %p : f32
    linalg.yield %m : f32
  } -> tensor<3x2xf32>
  %h = tensor.concat dim(1) %n, %a {tensor} : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x4xf32>
  %y = linalg.matmul ins(%h, %w : tensor<3x4xf32>, tensor<4x5xf32>) outs(%z5 : tensor<3x5xf32>) -> tensor<3x5xf32>
  return %y : tensor<3x5xf32>
}
)");
  EXPECT_GT(rewrite(makeMap({1}, Order), true, /*gather=*/true), 0) << remarks;
}

/// x + c, which READER reads.
static std::string readShifted(StringRef reader) {
  return R"(
#id = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1)>
func.func @main(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %zero = arith.constant 0.0 : f32
  %c = random<4>
  %g = random<4>
  %w = random<4x4>
  %e = tensor.empty() : tensor<4x4xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  %h = linalg.generic {indexing_maps = [#id, #column, #column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %g, %c : tensor<4x4xf32>, tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %d: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %p, %d : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
)" + reader.str() +
         R"(
  return %y : tensor<4x4xf32>
}
)";
}

TEST_F(ChannelRewriterTest, ShiftOfDataThatIsTheInitToo) {
  parse(readShifted(R"(
  %y = linalg.matmul {reader} ins(%h, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%h : tensor<4x4xf32>) -> tensor<4x4xf32>
)"));
  EXPECT_GT(rewrite(makeMap({1}, Order | Scale | Shift), true, /*gather=*/true),
            0)
      << remarks;
}

TEST_F(ChannelRewriterTest, ShiftInFrontOfWeightsThatRepeat) {
  parse(readShifted(R"(
  %e0 = tensor.empty() : tensor<4xf32>
  %z0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<4xf32>) -> tensor<4xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d1, d2)>,
      affine_map<(d0, d1, d2) -> (d2)>], iterator_types = ["reduction", "reduction", "parallel"]}
      ins(%h, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%z0 : tensor<4xf32>) attrs = {reader} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %q = arith.addf %o, %p : f32
    linalg.yield %q : f32
  } -> tensor<4xf32>
  %y = linalg.broadcast ins(%s : tensor<4xf32>) outs(%e : tensor<4x4xf32>) dimensions = [0]
)"));
  EXPECT_EQ(rewrite(makeMap({1}, Scale | Shift)), 0) << remarks;
  EXPECT_EQ(folded, 2);
}

TEST_F(ChannelRewriterTest, TensorReadTwoWaysByOneOperation) {
  parse(readShifted(R"(
  %y = linalg.generic {indexing_maps = [#id, affine_map<(d0, d1) -> (d1, d0)>, #id], iterator_types = ["parallel", "parallel"]}
      ins(%h, %h : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) attrs = {tensor} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.maximumf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<4x4xf32>
)"));
  EXPECT_GT(rewrite(makeMap({1}, Scale)), 0) << remarks;
}

TEST_F(ChannelRewriterTest, OrdersOfDataAndResultInBatches) {
  parse(R"(
#id = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %c = random<2x3x4>
  %w = random<2x4x4>
  %e = tensor.empty() : tensor<2x3x4xf32>
  %h = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %c : tensor<2x3x4xf32>, tensor<2x3x4xf32>) outs(%e : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<2x3x4xf32>
  %y = linalg.batch_matmul {reader} ins(%h, %w : tensor<2x3x4xf32>, tensor<2x4x4xf32>) outs(%h : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}
)");
  EXPECT_GT(rewrite(makeMap({0, 2}, Order | Scale, 4), true, /*gather=*/true),
            0)
      << remarks;
}

TEST_F(ChannelRewriterTest, OneConstantForOperationsInAnyOrder) {
  parse(R"(
#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @main(%x: tensor<3x2xf32>) -> tensor<3x5xf32> {
  %zero = arith.constant 0.0 : f32
  %c = random<3x2>
  %u = random<2x2>
  %w = random<4x5>
  %e2 = tensor.empty() : tensor<3x2xf32>
  %e = tensor.empty() : tensor<3x4xf32>
  %e5 = tensor.empty() : tensor<3x5xf32>
  %z2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<3x2xf32>) -> tensor<3x2xf32>
  %z5 = linalg.fill ins(%zero : f32) outs(%e5 : tensor<3x5xf32>) -> tensor<3x5xf32>
  %a = linalg.matmul ins(%x, %u : tensor<3x2xf32>, tensor<2x2xf32>) outs(%z2 : tensor<3x2xf32>) -> tensor<3x2xf32>
  %second = tensor.concat dim(1) %a, %c : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x4xf32>
  %first = tensor.concat dim(1) %a, %c : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x4xf32>
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%first, %second : tensor<3x4xf32>, tensor<3x4xf32>) outs(%e : tensor<3x4xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %m = arith.addf %p, %q : f32
    linalg.yield %m : f32
  } -> tensor<3x4xf32>
  %y = linalg.matmul {reader} ins(%s, %w : tensor<3x4xf32>, tensor<4x5xf32>) outs(%z5 : tensor<3x5xf32>) -> tensor<3x5xf32>
  return %y : tensor<3x5xf32>
}
)");
  EXPECT_EQ(rewrite(makeMap({1}, Scale)), 0) << remarks;
}

TEST_F(ChannelRewriterTest, ConstantsAreRefused) {
  parse(readShifted(R"(
  %t = linalg.transpose ins(%w : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) permutation = [1, 0] {tensor}
  %y = linalg.matmul ins(%h, %t : tensor<4x4xf32>, tensor<4x4xf32>) outs(%z : tensor<4x4xf32>) -> tensor<4x4xf32>
)"));
  EXPECT_EQ(rewrite(makeMap({1}, Scale)), -1) << remarks;
  EXPECT_NE(remarks.find("it is a constant"), std::string::npos) << remarks;
}

TEST_F(ChannelRewriterTest, NumbersThatOverflowAtRunTimeAreRefused) {
  parse(readShifted(R"(
  %t = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%h : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) attrs = {tensor} {
  ^bb0(%a: f32, %o: f32):
    %p = math.tanh %a : f32
    linalg.yield %p : f32
  } -> tensor<4x4xf32>
  %y = linalg.matmul {reader} ins(%t, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%z : tensor<4x4xf32>) -> tensor<4x4xf32>
)"));
  EXPECT_EQ(rewrite(ChannelMap::affine({1}, {4}, {1, 2, 1e-42, 4})), -1);
  EXPECT_NE(remarks.find("would not be finite, or 0"), std::string::npos)
      << remarks;
}

TEST_F(ChannelRewriterTest, HalfPrecisionDoesNotFollow) {
  parse(R"(
#id = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1)>
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x5xf32> {
  %zero = arith.constant 0.0 : f32
  %c = random<4>
  %w = random<4x5>
  %eh = tensor.empty() : tensor<3x4xf16>
  %e = tensor.empty() : tensor<3x4xf32>
  %e5 = tensor.empty() : tensor<3x5xf32>
  %z5 = linalg.fill ins(%zero : f32) outs(%e5 : tensor<3x5xf32>) -> tensor<3x5xf32>
  %h = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<3x4xf32>) outs(%eh : tensor<3x4xf16>) {
  ^bb0(%a: f32, %o: f16):
    %t = arith.truncf %a : f32 to f16
    linalg.yield %t : f16
  } -> tensor<3x4xf16>
  %s = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%h, %c : tensor<3x4xf16>, tensor<4xf32>) outs(%e : tensor<3x4xf32>) {
  ^bb0(%a: f16, %b: f32, %o: f32):
    %t = arith.extf %a : f16 to f32
    %m = arith.addf %t, %b : f32
    linalg.yield %m : f32
  } -> tensor<3x4xf32>
  %y = linalg.matmul {reader} ins(%s, %w : tensor<3x4xf32>, tensor<4x5xf32>) outs(%z5 : tensor<3x5xf32>) -> tensor<3x5xf32>
  return %y : tensor<3x5xf32>
}
)");
  EXPECT_EQ(rewrite(makeMap({1}, Scale | Shift)), 1) << remarks;
}

TEST_F(ChannelRewriterTest, RotationOfChannelsThatALayerTurns) {
  parse(R"(
func.func @main(%x: tensor<3xf32>) -> tensor<2x4xf32> {
  %w = random<4x2x3>
  %i = arith.constant dense<0.0> : tensor<2x4xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>,
      affine_map<(d0, d1, d2) -> (d1, d0)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<3xf32>, tensor<4x2x3xf32>) outs(%i : tensor<2x4xf32>) attrs = {tensor} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %q = arith.addf %o, %p : f32
    linalg.yield %q : f32
  } -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
)");
  EXPECT_EQ(rewrite(makeRotation({0, 1}, 8), /*materialize=*/false), -1);
}

TEST_F(ChannelRewriterTest, ResultsThatAreNoNumbersBeforeAndAfter) {
  parse(readShifted(R"(
  %l = linalg.matmul {reader} ins(%h, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%z : tensor<4x4xf32>) -> tensor<4x4xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%l : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %wide = arith.extf %a : f32 to f64
    %narrow = arith.truncf %wide : f64 to f32
    %p = math.log %narrow : f32
    linalg.yield %p : f32
  } -> tensor<4x4xf32>
)"));
  EXPECT_EQ(rewrite(makeMap({1}, Scale | Shift)), 0) << remarks;
}

} // namespace
