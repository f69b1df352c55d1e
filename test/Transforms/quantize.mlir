// RUN: qfmt-opt %s -split-input-file -qfmt-quantize | FileCheck %s
// RUN: qfmt-opt %s -split-input-file -qfmt-quantize -qfmt-verify-level=level=encoded -o /dev/null

// Symmetric signed codes for x, unsigned ones after relu; one scale an output
// channel for weights, 1 for a channel of zeros. Biases stay floats. The relu's
// `outs` gives only a shape.

#id = affine_map<(n, c, h, w) -> (n, c, h, w)>
// CHECK-DAG: #[[W:.*]] = #qfmt.scaled<i8, block = [1, *, *, *], scale = f32>
// CHECK-DAG: #[[X:.*]] = #qfmt.scaled<i8, scale = 2.500000e-01>
// CHECK-DAG: #[[Y:.*]] = #qfmt.scaled<ui8, scale = 5.000000e-01>
// CHECK-LABEL: func @chain
// CHECK-SAME: (%[[ARG:.*]]: tensor<1x2x1x1xf32>)
func.func @chain(%x: tensor<1x2x1x1xf32>) -> tensor<1x3x1x1xf32> {
  // CHECK-DAG: %[[BIAS:.*]] = arith.constant dense<{{.*}}1.000000e+00{{.*}}> : tensor<1x3x1x1xf32>
  // CHECK-DAG: %[[QX:.*]] = qfmt.quantize %[[ARG]] : tensor<1x2x1x1xf32> to tensor<1x2x1x1xf32, #[[X]]>
  // CHECK-DAG: %[[CODES:.*]] = arith.constant dense<{{\[\[\[\[}}127]], {{\[\[}}-64]]], {{\[\[\[}}0]], {{\[\[}}0]]], {{\[\[\[}}2]], {{\[\[}}-127]]]]> : tensor<3x2x1x1xi8>
  // CHECK-DAG: %[[SCALES:.*]] = arith.constant dense<{{\[\[\[\[}}1.000000e+00]]], {{\[\[\[}}1.000000e+00]]], {{\[\[\[}}5.000000e-01]]]]> : tensor<3x1x1x1xf32>
  // CHECK-DAG: %[[QW:.*]] = qfmt.assemble %[[CODES]], %[[SCALES]] : tensor<3x2x1x1xi8>, tensor<3x1x1x1xf32> to tensor<3x2x1x1xf32, #[[W]]>
  // CHECK: %[[CONV:.*]] = linalg.conv_2d_nchw_fchw {{.*}} ins(%[[QX]], %[[QW]] : tensor<1x2x1x1xf32, #[[X]]>, tensor<3x2x1x1xf32, #[[W]]>) outs(%[[BIAS]] : tensor<1x3x1x1xf32>)
  // CHECK: %[[EMPTY:.*]] = tensor.empty
  // CHECK: %[[RELU:.*]] = linalg.generic {{.*}} ins(%[[CONV]] : tensor<1x3x1x1xf32>) outs(%[[EMPTY]] :
  // CHECK: %[[QY:.*]] = qfmt.quantize %[[RELU]] : tensor<1x3x1x1xf32> to tensor<1x3x1x1xf32, #[[Y]]>
  // CHECK: %[[Y:.*]] = qfmt.dequantize %[[QY]]
  // CHECK: return %[[Y]] : tensor<1x3x1x1xf32>
  %o = qfmt.observe %x "argument.0" statistics = <min = -31.75, max = 2.0, count = 4, histogram = [1, 0, 3, 0]> : tensor<1x2x1x1xf32>
  // -63.5 and 0.75 lie half way between two codes: the even one is taken, -64 and 2.
  %w = arith.constant dense<[[[[127.0]], [[-63.5]]], [[[0.0]], [[0.0]]], [[[0.75]], [[-63.5]]]]> : tensor<3x2x1x1xf32>
  %zero = arith.constant 0.0 : f32
  %bias = arith.constant dense<[[[[1.0]], [[2.0]], [[3.0]]]]> : tensor<1x3x1x1xf32>
  %conv = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%o, %w : tensor<1x2x1x1xf32>, tensor<3x2x1x1xf32>) outs(%bias : tensor<1x3x1x1xf32>) -> tensor<1x3x1x1xf32>
  %relu = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%conv : tensor<1x3x1x1xf32>) outs(%conv : tensor<1x3x1x1xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.maximumf %in, %zero : f32
    linalg.yield %0 : f32
  } -> tensor<1x3x1x1xf32>
  %r = qfmt.observe %relu "generic.0" statistics = <min = 0.0, max = 127.5, count = 4, histogram = [0, 0, 3, 1]> : tensor<1x3x1x1xf32>
  return %r : tensor<1x3x1x1xf32>
}

// -----

// Max pooling keeps the format of its input, whatever its own statistics.
// Below all values, the lowest one is padding enough.

// CHECK: #[[Q:.*]] = #qfmt.scaled<i8, scale = 5.000000e-01>
// CHECK-LABEL: func @max_pool
func.func @max_pool(%x: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  // CHECK-DAG: %[[QX:.*]] = qfmt.quantize %{{.*}} to tensor<1x1x2x2xf32, #[[Q]]>
  // CHECK-DAG: %[[LOWEST:.*]] = arith.constant -6.400000e+01 : f32
  // CHECK: %[[PAD:.*]] = tensor.pad %[[QX]]
  // CHECK: tensor.yield %[[LOWEST]]
  // CHECK: tensor<1x1x2x2xf32, #[[Q]]> to tensor<1x1x4x4xf32, #[[Q]]>
  // CHECK: linalg.pooling_nchw_max {{.*}} ins(%[[PAD]],
  // CHECK: %[[P:.*]] = qfmt.quantize %{{.*}} to tensor<1x1x2x2xf32, #[[Q]]>
  // CHECK: qfmt.dequantize %[[P]]
  %o = qfmt.observe %x "argument.0" statistics = <min = -1.0, max = 63.5, count = 2, histogram = [1, 1]> : tensor<1x1x2x2xf32>
  %lowest = arith.constant 0xFF800000 : f32
  %pad = tensor.pad %o low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%n: index, %c: index, %h: index, %v: index):
    tensor.yield %lowest : f32
  } : tensor<1x1x2x2xf32> to tensor<1x1x4x4xf32>
  %empty = tensor.empty() : tensor<1x1x2x2xf32>
  %window = tensor.empty() : tensor<3x3xf32>
  %low = linalg.fill ins(%lowest : f32) outs(%empty : tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %max = linalg.pooling_nchw_max {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%pad, %window : tensor<1x1x4x4xf32>, tensor<3x3xf32>) outs(%low : tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  %p = qfmt.observe %max "pooling_nchw_max.0" statistics = <min = 0.0, max = 10.0, count = 1, histogram = [0, 1]> : tensor<1x1x2x2xf32>
  return %p : tensor<1x1x2x2xf32>
}

// -----

// Moves act on codes. What meets in a concat shares the format that holds both;
// a transpose (as a generic: the named operation has one element type) is
// followed by the `quantize` that its codes need.

// CHECK: #[[Q:.*]] = #qfmt.scaled<i8, scale = 2.000000e+00>
// CHECK-LABEL: func @moves
func.func @moves(%x: tensor<2x2xf32>, %y: tensor<2x2xf32>) -> tensor<6xf32> {
  // CHECK: %[[QX:.*]] = qfmt.quantize %{{.*}} : tensor<2x2xf32> to tensor<2x2xf32, #[[Q]]>
  // CHECK: %[[QY:.*]] = qfmt.quantize %{{.*}} : tensor<2x2xf32> to tensor<2x2xf32, #[[Q]]>
  // CHECK: %[[T:.*]] = linalg.generic {{.*}} ins(%[[QX]] : tensor<2x2xf32, #[[Q]]>) outs(%{{.*}} : tensor<2x2xf32>)
  // CHECK-NEXT: ^bb0(%[[IN:.*]]: f32, %{{.*}}: f32):
  // CHECK-NEXT: linalg.yield %[[IN]] : f32
  // CHECK: %[[QT:.*]] = qfmt.quantize %[[T]] : tensor<2x2xf32> to tensor<2x2xf32, #[[Q]]>
  // CHECK: %[[C:.*]] = tensor.concat dim(0) %[[QT]], %[[QY]]
  // CHECK: %[[F:.*]] = tensor.collapse_shape %[[C]] {{.*}} : tensor<4x2xf32, #[[Q]]> into tensor<8xf32, #[[Q]]>
  // CHECK: %[[S:.*]] = tensor.extract_slice %[[F]]{{.*}} : tensor<8xf32, #[[Q]]> to tensor<6xf32, #[[Q]]>
  // CHECK: %[[R:.*]] = qfmt.dequantize %[[S]]
  // CHECK: return %[[R]]
  %ox = qfmt.observe %x "argument.0" statistics = <min = 0.0, max = 1.0, count = 2, histogram = [0, 2]> : tensor<2x2xf32>
  %oy = qfmt.observe %y "argument.1" statistics = <min = -254.0, max = 1.0, count = 2, histogram = [1, 1]> : tensor<2x2xf32>
  %empty = tensor.empty() : tensor<2x2xf32>
  %t = linalg.transpose ins(%ox : tensor<2x2xf32>) outs(%empty : tensor<2x2xf32>) permutation = [1, 0]
  %c = tensor.concat dim(0) %t, %oy : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %f = tensor.collapse_shape %c [[0, 1]] : tensor<4x2xf32> into tensor<8xf32>
  %s = tensor.extract_slice %f[1] [6] [1] : tensor<8xf32> to tensor<6xf32>
  return %s : tensor<6xf32>
}

// -----

// A matrix product: a scale a column. Stored transposed, the weights are
// encoded as they are read.

// CHECK-DAG: #[[W:.*]] = #qfmt.scaled<i8, block = [*, 1], scale = f32>
// CHECK-LABEL: func @matmul
func.func @matmul(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK-DAG: arith.constant dense<{{\[\[}}1, 127], [127, 3]]> : tensor<2x2xi8>
  // CHECK-DAG: arith.constant dense<{{\[\[}}1.000000e+00, 2.000000e+00]]> : tensor<1x2xf32>
  // CHECK-NOT: linalg.transpose
  // CHECK: linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<1x2xf32, #{{.*}}>, tensor<2x2xf32, #[[W]]>)
  %o = qfmt.observe %x "argument.0" statistics = <min = -1.0, max = 1.0, count = 2, histogram = [1, 1]> : tensor<1x2xf32>
  %stored = arith.constant dense<[[1.0, 127.0], [254.0, 6.0]]> : tensor<2x2xf32>
  %empty = tensor.empty() : tensor<2x2xf32>
  %w = linalg.transpose ins(%stored : tensor<2x2xf32>) outs(%empty : tensor<2x2xf32>) permutation = [1, 0]
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %y = linalg.matmul ins(%o, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %r = qfmt.observe %y "matmul.0" statistics = <min = -1.0, max = 1.0, count = 2, histogram = [1, 1]> : tensor<1x2xf32>
  return %r : tensor<1x2xf32>
}

// -----

// Dimensions of weights that index the result have scales of their own: the
// channels of a depthwise convolution, group and channel of a grouped one.

#data = affine_map<(n, g, f, o, c, k) -> (n, g, c, o + k)>
#weights = affine_map<(n, g, f, o, c, k) -> (g, f, c, k)>
#result = affine_map<(n, g, f, o, c, k) -> (n, g, f, o)>
// CHECK-DAG: #[[G:.*]] = #qfmt.scaled<i8, block = [1, 1, *, *], scale = f32>
// CHECK-DAG: #[[D:.*]] = #qfmt.scaled<i8, block = [1, *, *], scale = f32>
// CHECK-LABEL: func @grouped
func.func @grouped(%x: tensor<1x2x2x2xf32>) -> tensor<1x2x1x1xf32> {
  // CHECK-DAG: qfmt.assemble {{.*}} : tensor<2x2x2x2xi8>, tensor<2x2x1x1xf32> to tensor<2x2x2x2xf32, #[[G]]>
  // CHECK-DAG: qfmt.assemble {{.*}} : tensor<2x2x1xi8>, tensor<2x1x1xf32> to tensor<2x2x1xf32, #[[D]]>
  %o = qfmt.observe %x "argument.0" statistics = <min = -1.0, max = 1.0, count = 2, histogram = [1, 1]> : tensor<1x2x2x2xf32>
  %w = arith.constant dense<1.0> : tensor<2x2x2x2xf32>
  %v = arith.constant dense<1.0> : tensor<2x2x1xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2x2x1xf32>
  %end = arith.constant dense<0.0> : tensor<1x2x1x1xf32>
  %y = linalg.generic {indexing_maps = [#data, #weights, #result], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]}
    ins(%o, %w : tensor<1x2x2x2xf32>, tensor<2x2x2x2xf32>) outs(%zeros : tensor<1x2x2x1xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %out, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<1x2x2x1xf32>
  %p = qfmt.observe %y "generic.0" statistics = <min = -1.0, max = 1.0, count = 2, histogram = [1, 1]> : tensor<1x2x2x1xf32>
  %z = linalg.depthwise_conv_2d_nchw_chw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%p, %v : tensor<1x2x2x1xf32>, tensor<2x2x1xf32>) outs(%end : tensor<1x2x1x1xf32>) -> tensor<1x2x1x1xf32>
  return %z : tensor<1x2x1x1xf32>
}

// -----

// What no linalg input is needs floats, once for all its readers. A tensor of
// zeros has scale 1.

// CHECK: #[[Q:.*]] = #qfmt.scaled<ui8>
// CHECK-LABEL: func @floats
func.func @floats(%x: tensor<2xf32>, %i: index) -> (f32, tensor<2xf32>) {
  // CHECK: %[[Q1:.*]] = qfmt.quantize %{{.*}} to tensor<2xf32, #[[Q]]>
  // CHECK: %[[F:.*]] = qfmt.dequantize %[[Q1]]
  // CHECK-NOT: qfmt.dequantize
  // CHECK: tensor.extract %[[F]]
  // CHECK: call @other(%[[F]])
  // CHECK: return %{{.*}}, %[[F]]
  %o = qfmt.observe %x "argument.0" statistics = <min = 0.0, max = 0.0, count = 2, histogram = [0, 2]> : tensor<2xf32>
  %e = tensor.extract %o[%i] : tensor<2xf32>
  %r = func.call @other(%o) : (tensor<2xf32>) -> tensor<2xf32>
  return %e, %o : f32, tensor<2xf32>
}
func.func private @other(tensor<2xf32>) -> tensor<2xf32>

// -----

// Padding that the format lacks: the floats are padded.

// CHECK-LABEL: func @padding
func.func @padding(%x: tensor<2xf32>) -> tensor<4xf32> {
  // CHECK: %[[Q:.*]] = qfmt.quantize
  // CHECK: %[[F:.*]] = qfmt.dequantize %[[Q]]
  // CHECK: tensor.pad %[[F]]
  %o = qfmt.observe %x "argument.0" statistics = <min = 0.0, max = 255.0, count = 2, histogram = [0, 2]> : tensor<2xf32>
  %half = arith.constant 0.5 : f32
  %pad = tensor.pad %o low[1] high[1] {
  ^bb0(%n: index):
    tensor.yield %half : f32
  } : tensor<2xf32> to tensor<4xf32>
  return %pad : tensor<4xf32>
}
