// The layer with what is between the observed tensors before and after it; their
// statistics stay, and so does the layer's name.
// RUN: qfmt-opt %s -qfmt-extract-layer=name=matmul.0 | FileCheck %s --check-prefixes=CHECK,FIRST
// RUN: qfmt-opt %s -qfmt-extract-layer=name=last | FileCheck %s --check-prefixes=CHECK,LAST

// It is a network that can be quantized.
// RUN: qfmt-opt %s -qfmt-extract-layer=name=matmul.0 -qfmt-verify-level=level=observed -qfmt-quantize -qfmt-verify-level=level=encoded -o /dev/null

// RUN: not qfmt-opt %s -qfmt-extract-layer=name=matmul.7 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: qfmt-extract-layer: there is no layer 'matmul.7'; there are: matmul.0, last

#id = affine_map<(i, j) -> (i, j)>

// FIRST-LABEL: func.func @main(%{{.*}}: tensor<1x2xf32>) -> tensor<1x3xf32>
// FIRST: qfmt.observe %{{.*}} "argument.0" statistics = <min = -1.000000e+00, max = 1.000000e+00,
// FIRST: linalg.matmul {qfmt.layer = "matmul.0"}
// FIRST: arith.maximumf
// FIRST: %[[Y:.*]] = qfmt.observe %{{.*}} "relu" statistics = <min = 0.000000e+00, max = 4.000000e+00,
// FIRST: return %[[Y]] : tensor<1x3xf32>

// LAST-LABEL: func.func @main(%{{.*}}: tensor<1x3xf32>) -> tensor<1x1xf32>
// LAST: %[[X:.*]] = qfmt.observe %{{.*}} "relu"
// LAST: linalg.matmul {qfmt.layer = "last"} ins(%[[X]],
// LAST-NOT: arith.maximumf
// LAST: qfmt.observe %{{.*}} "result"

// CHECK-NOT: func.func
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %zero = arith.constant 0.0 : f32
  %o = qfmt.observe %x "argument.0" statistics = <min = -1.0, max = 1.0, count = 2, histogram = [1, 1]> : tensor<1x2xf32>
  %w = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %bias = arith.constant dense<0.5> : tensor<1x3xf32>
  %y = linalg.matmul ins(%o, %w : tensor<1x2xf32>, tensor<2x3xf32>) outs(%bias : tensor<1x3xf32>) -> tensor<1x3xf32>
  %empty = tensor.empty() : tensor<1x3xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<1x3xf32>) outs(%empty : tensor<1x3xf32>) {
  ^bb0(%a: f32, %out: f32):
    %m = arith.maximumf %a, %zero : f32
    linalg.yield %m : f32
  } -> tensor<1x3xf32>
  %ro = qfmt.observe %r "relu" statistics = <min = 0.0, max = 4.0, count = 3, histogram = [1, 2]> : tensor<1x3xf32>
  %v = arith.constant dense<[[1.0], [2.0], [-3.0]]> : tensor<3x1xf32>
  %init = arith.constant dense<0.0> : tensor<1x1xf32>
  %z = linalg.matmul {qfmt.layer = "last"} ins(%ro, %v : tensor<1x3xf32>, tensor<3x1xf32>) outs(%init : tensor<1x1xf32>) -> tensor<1x1xf32>
  %zo = qfmt.observe %z "result" statistics = <min = -2.0, max = 2.0, count = 1, histogram = [0, 1]> : tensor<1x1xf32>
  return %zo : tensor<1x1xf32>
}
