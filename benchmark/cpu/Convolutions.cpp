//===- Convolutions.cpp - Convolutions of bytes ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// u8 images, signed constant weights, a bias, and a dyadic number for each
// output channel; u8 out. The image is padded inside the run, and as large
// after it. Each with channels last, and with channels first, which is what
// networks from ONNX have; oneDNN's images have channels last.
//
//===----------------------------------------------------------------------===//

#include "Harness.h"
#include "OneDnn.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace {

struct Case {
  const char *name;
  Convolution convolution;
};

constexpr Case kCases[] = {{"3x3-64@56", {64, 64, 56, 3, false}},
                           {"3x3-256@14", {256, 256, 14, 3, false}},
                           {"1x1-64-256@56", {64, 256, 56, 1, false}},
                           {"depthwise-3x3-192@28", {192, 192, 28, 3, true}}};

/// What differs between layouts; `c` is an output channel, `d` an input one.
struct Layout {
  const char *name;
  /// Type of the image, padded image, weights, result.
  std::string image, padded, weights, result;
  std::string pad;
  /// Maps from (n, c, h, w, d, y, x), or without d, to each of them.
  std::string dimensions, imageMap, weightMap, resultMap, iterators;
  /// Map of a constant for each output channel from (a, b, c, d).
  std::string channelMap;
};

Layout getLayout(const Convolution &c, bool isChannelsLast) {
  Layout layout;
  int64_t padding = c.kernel / 2, padded = c.size + 2 * padding;
  auto type = [&](int64_t size, int64_t channels) -> std::string {
    if (isChannelsLast)
      return llvm::formatv("1x{0}x{0}x{1}", size, channels);
    return llvm::formatv("1x{1}x{0}x{0}", size, channels);
  };
  layout.name = isChannelsLast ? "nhwc" : "nchw";
  layout.image = type(c.size, c.inputs);
  layout.padded = type(padded, c.inputs);
  layout.result = type(c.size, c.outputs);
  const char *pad = isChannelsLast ? "[0, {0}, {0}, 0]" : "[0, 0, {0}, {0}]";
  layout.pad = llvm::formatv(pad, padding);
  layout.channelMap =
      isChannelsLast ? "(a, b, c, d) -> (d)" : "(a, b, c, d) -> (b)";
  // Loops as linalg's named operations have them.
  std::string in = c.isDepthwise ? "c" : "d";
  layout.imageMap = isChannelsLast ? "(n, h + y, w + x, " + in + ")"
                                   : "(n, " + in + ", h + y, w + x)";
  layout.resultMap = isChannelsLast ? "(n, h, w, c)" : "(n, c, h, w)";
  layout.dimensions = isChannelsLast ? "(n, h, w, c, y, x" : "(n, c, h, w";
  if (isChannelsLast)
    layout.dimensions += c.isDepthwise ? ")" : ", d)";
  else
    layout.dimensions += c.isDepthwise ? ", y, x)" : ", d, y, x)";
  layout.iterators = R"("parallel", "parallel", "parallel", "parallel", )"
                     R"("reduction", "reduction")";
  if (!c.isDepthwise)
    layout.iterators += R"(, "reduction")";
  if (c.isDepthwise) {
    layout.weights = isChannelsLast
                         ? llvm::formatv("{1}x{1}x{0}", c.inputs, c.kernel)
                         : llvm::formatv("{0}x{1}x{1}", c.inputs, c.kernel);
    layout.weightMap = isChannelsLast ? "(y, x, c)" : "(c, y, x)";
  } else {
    layout.weights =
        isChannelsLast
            ? llvm::formatv("{2}x{2}x{0}x{1}", c.inputs, c.outputs, c.kernel)
            : llvm::formatv("{1}x{0}x{2}x{2}", c.inputs, c.outputs, c.kernel);
    layout.weightMap = isChannelsLast ? "(y, x, d, c)" : "(c, d, y, x)";
  }
  return layout;
}

/// {0} image, {1} padded, {2} weights, {3} result, {4} output channels,
/// {5} padding, {6} dimensions, {7} to {9} maps of image, weights, result,
/// {10} iterators, {11} a channel's map.
constexpr const char *kSource = R"(
  func.func @main(%x: tensor<{0}xi8>) -> tensor<{3}xi8> {{
    %w = arith.constant dense<1> : tensor<{2}xi8>
    %bias = arith.constant dense<1> : tensor<{4}xi32>
    %multiplier = arith.constant dense<2> : tensor<{4}xi32>
    %shift = arith.constant dense<3> : tensor<{4}xi32>
    %zero = arith.constant 0 : i8
    %p = tensor.pad %x low{5} high{5} {{
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      tensor.yield %zero : i8
    } : tensor<{0}xi8> to tensor<{1}xi8>
    %e = tensor.empty() : tensor<{3}xi32>
    %init = linalg.generic {{
        indexing_maps = [affine_map<{11}>,
                         affine_map<(a, b, c, d) -> (a, b, c, d)>],
        iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%bias : tensor<{4}xi32>) outs(%e : tensor<{3}xi32>) {{
    ^bb0(%a: i32, %o: i32):
      linalg.yield %a : i32
    } -> tensor<{3}xi32>
    %y = linalg.generic {{
        indexing_maps = [affine_map<{6} -> {7}>, affine_map<{6} -> {8}>,
                         affine_map<{6} -> {9}>],
        iterator_types = [{10}]}
      ins(%p, %w : tensor<{1}xi8>, tensor<{2}xi8>)
      outs(%init : tensor<{3}xi32>) {{
    ^bb0(%a: i8, %b: i8, %c: i32):
      %a32 = arith.extui %a : i8 to i32
      %b32 = arith.extsi %b : i8 to i32
      %m = arith.muli %a32, %b32 : i32
      %s = arith.addi %c, %m : i32
      linalg.yield %s : i32
    } -> tensor<{3}xi32>
    %qe = tensor.empty() : tensor<{3}xi8>
    %q = linalg.generic {{
        indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>,
                         affine_map<{11}>, affine_map<{11}>,
                         affine_map<(a, b, c, d) -> (a, b, c, d)>],
        iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%y, %multiplier, %shift
          : tensor<{3}xi32>, tensor<{4}xi32>, tensor<{4}xi32>)
      outs(%qe : tensor<{3}xi8>) {{
    ^bb0(%a: i32, %f: i32, %r: i32, %o: i8):
      %low = arith.constant 0 : i32
      %high = arith.constant 255 : i32
      %max = arith.maxsi %a, %low : i32
      %scaled = qfmt.dyadic_scale %max, %f, %r : i32, i32, i32 to i32
      %min = arith.minsi %scaled, %high : i32
      %t = arith.trunci %min : i32 to i8
      linalg.yield %t : i8
    } -> tensor<{3}xi8>
    return %q : tensor<{3}xi8>
  })";

std::string makeText(const Convolution &c, const Layout &l) {
  return llvm::formatv(kSource, l.image, l.padded, l.weights, l.result,
                       c.outputs, l.pad, l.dimensions, l.imageMap, l.weightMap,
                       l.resultMap, l.iterators, l.channelMap);
}

Work getWork(const Convolution &c) {
  return {double(c.size) * c.size * c.outputs * c.kernel * c.kernel *
              (c.isDepthwise ? 1 : c.inputs),
          0};
}

SmallVector<int64_t> getShape(const Convolution &c, bool isChannelsLast) {
  if (isChannelsLast)
    return {1, c.size, c.size, c.inputs};
  return {1, c.inputs, c.size, c.size};
}

} // namespace

void registerConvolutions(MLIRContext &context) {
  for (const Case &item : kCases) {
    const Convolution &c = item.convolution;
    for (bool isChannelsLast : {true, false}) {
      Layout layout = getLayout(c, isChannelsLast);
      std::string name =
          llvm::formatv("qfmt/conv/{0}/{1}", item.name, layout.name);
      registerCase(name, getWork(c), [=, &context] {
        auto image = std::make_shared<std::vector<char>>(
            makeBytes(c.size * c.size * c.inputs));
        return prepareCall(compileText(context, makeText(c, layout)), image,
                           getShape(c, isChannelsLast));
      });
    }
    if (hasOneDnn())
      registerCase(std::string("onednn/conv/") + item.name, getWork(c),
                   [=] { return prepareOneDnn(createOneDnnConvolution(c)); });
  }
}
