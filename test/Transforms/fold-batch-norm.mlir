// RUN: qfmt-opt %s -split-input-file -qfmt-fold-batch-norm | FileCheck %s

// What torch-mlir emits: the convolution's result is also the `outs` of the
// batch norm, which does not read it. The first channel is 0.5 x + 8, the second
// 4 x - 4, after weights 2 and 3 and no bias.

#id = affine_map<(n, c, h, w) -> (n, c, h, w)>
#channel = affine_map<(n, c, h, w) -> (c)>
// CHECK-LABEL: func @batch_norm
// CHECK-SAME: (%[[X:.*]]: tensor<1x1x2x2xf32>)
func.func @batch_norm(%x: tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32> {
  // CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[\[\[\[}}1.000000e+00]]], {{\[\[\[}}1.200000e+01]]]]> : tensor<2x1x1x1xf32>
  // CHECK-DAG: %[[B:.*]] = arith.constant dense<[8.000000e+00, -4.000000e+00]> : tensor<2xf32>
  // CHECK: %[[INIT:.*]] = linalg.broadcast ins(%[[B]] : tensor<2xf32>) outs(%{{.*}} : tensor<1x2x2x2xf32>) dimensions = [0, 2, 3]
  // CHECK: %[[Y:.*]] = linalg.conv_2d_nchw_fchw
  // CHECK-SAME: ins(%[[X]], %[[W]] : {{.*}}) outs(%[[INIT]] :
  // CHECK-NOT: linalg.generic
  // CHECK: return %[[Y]]
  %w = arith.constant dense<[[[[2.0]]], [[[3.0]]]]> : tensor<2x1x1x1xf32>
  %gamma = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %beta = arith.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %mean = arith.constant dense<[4.0, 6.0]> : tensor<2xf32>
  %variance = arith.constant dense<[3.5, -0.25]> : tensor<2xf32>
  %epsilon = arith.constant 0.5 : f32
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x2x2x2xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %y = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%x, %w : tensor<1x1x2x2xf32>, tensor<2x1x1x1xf32>) outs(%init : tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %z = linalg.generic {indexing_maps = [#id, #channel, #channel, #channel, #channel, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%y, %gamma, %beta, %mean, %variance : tensor<1x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) outs(%y : tensor<1x2x2x2xf32>) {
  ^bb0(%in: f32, %g: f32, %b: f32, %m: f32, %v: f32, %out: f32):
    %0 = arith.addf %v, %epsilon : f32
    %1 = math.rsqrt %0 : f32
    %2 = arith.subf %in, %m : f32
    %3 = arith.mulf %2, %1 : f32
    %4 = arith.mulf %3, %g : f32
    %5 = arith.addf %4, %b : f32
    linalg.yield %5 : f32
  } -> tensor<1x2x2x2xf32>
  return %z : tensor<1x2x2x2xf32>
}

// -----

// A bias alone leaves the weights as they are; initial values count.

#id = affine_map<(n, h, w, c) -> (n, h, w, c)>
#channel = affine_map<(n, h, w, c) -> (c)>
// CHECK-LABEL: func @bias_of_depthwise
func.func @bias_of_depthwise(%x: tensor<1x2x2x2xf32>) -> tensor<1x1x1x2xf32> {
  // CHECK-DAG: arith.constant dense<{{.*}}1.000000e+00, 2.000000e+00{{.*}}> : tensor<2x2x2xf32>
  // CHECK-DAG: arith.constant dense<[1.100000e+01, 2.200000e+01]> : tensor<2xf32>
  // CHECK: linalg.broadcast {{.*}} dimensions = [0, 1, 2]
  // CHECK: linalg.depthwise_conv_2d_nhwc_hwc
  // CHECK-NEXT: return
  %w = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]> : tensor<2x2x2xf32>
  %old = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %bias = arith.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %empty = tensor.empty() : tensor<1x1x1x2xf32>
  %init = linalg.broadcast ins(%old : tensor<2xf32>) outs(%empty : tensor<1x1x1x2xf32>) dimensions = [0, 1, 2]
  %y = linalg.depthwise_conv_2d_nhwc_hwc {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%x, %w : tensor<1x2x2x2xf32>, tensor<2x2x2xf32>) outs(%init : tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %z = linalg.generic {indexing_maps = [#id, #channel, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%y, %bias : tensor<1x1x1x2xf32>, tensor<2xf32>) outs(%empty : tensor<1x1x1x2xf32>) {
  ^bb0(%in: f32, %b: f32, %out: f32):
    %0 = arith.addf %in, %b : f32
    linalg.yield %0 : f32
  } -> tensor<1x1x1x2xf32>
  return %z : tensor<1x1x1x2xf32>
}

// -----

// A chain is one function, rounded once: 2 * ((y / 3 - 1) * 3) is 2 y - 6, and
// the weights, read through a transpose, double exactly.

#id = affine_map<(m, n) -> (m, n)>
// CHECK-LABEL: func @chain
func.func @chain(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[\[}}2.000000e+00, 6.000000e+00], [4.000000e+00, 8.000000e+00]]> : tensor<2x2xf32>
  // CHECK-DAG: %[[B:.*]] = arith.constant dense<-6.000000e+00> : tensor<2xf32>
  // CHECK: linalg.matmul ins(%{{.*}}, %[[W]] :
  // CHECK-NEXT: return
  %stored = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %three = arith.constant 3.0 : f32
  %one = arith.constant 1.0 : f32
  %empty = tensor.empty() : tensor<2x2xf32>
  %w = linalg.transpose ins(%stored : tensor<2x2xf32>) outs(%empty : tensor<2x2xf32>) permutation = [1, 0]
  %y = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
    ins(%y : tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.divf %in, %three : f32
    %1 = arith.subf %0, %one : f32
    linalg.yield %1 : f32
  } -> tensor<1x2xf32>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
    ins(%a : tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %three, %in : f32
    linalg.yield %0 : f32
  } -> tensor<1x2xf32>
  %c = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
    ins(%b : tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %in : f32
    %1 = arith.negf %in : f32
    %2 = arith.addf %0, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<1x2xf32>
  %two = arith.constant dense<[[2.0, 2.0]]> : tensor<1x2xf32>
  %d = linalg.mul ins(%two, %c : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %d : tensor<1x2xf32>
}

// -----

// Rows are no channel of the weights: an offset along them must stay.

#id = affine_map<(m, n) -> (m, n)>
#row = affine_map<(m, n) -> (m)>
// CHECK-LABEL: func @other_dimension
func.func @other_dimension(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // CHECK: linalg.matmul
  // CHECK: linalg.generic
  // CHECK: arith.addf
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %rows = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %zeros = arith.constant dense<0.0> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<2x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<2x2xf32>) -> tensor<2x2xf32>
  %z = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
    ins(%y, %rows : tensor<2x2xf32>, tensor<2xf32>) outs(%zeros : tensor<2x2xf32>) {
  ^bb0(%in: f32, %r: f32, %out: f32):
    %0 = arith.addf %in, %r : f32
    linalg.yield %0 : f32
  } -> tensor<2x2xf32>
  return %z : tensor<2x2xf32>
}

// -----

#id = affine_map<(m, n) -> (m, n)>
// CHECK-LABEL: func @not_affine
func.func @not_affine(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK: linalg.matmul
  // CHECK: arith.maximumf
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %zero = arith.constant 0.0 : f32
  %y = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %z = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
    ins(%y : tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.maximumf %in, %zero : f32
    linalg.yield %0 : f32
  } -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

// Both the product and its double are wanted.

#id = affine_map<(m, n) -> (m, n)>
// CHECK-LABEL: func @two_readers
func.func @two_readers(%x: tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  // CHECK: linalg.matmul
  // CHECK: linalg.add
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %z = linalg.add ins(%y, %y : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y, %z : tensor<1x2xf32>, tensor<1x2xf32>
}

// -----

// A variance of zero without epsilon: the factor would be infinite.

#id = affine_map<(m, n) -> (m, n)>
#column = affine_map<(m, n) -> (n)>
// CHECK-LABEL: func @not_finite
func.func @not_finite(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK: linalg.matmul
  // CHECK: math.rsqrt
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %variance = arith.constant dense<[0.0, 1.0]> : tensor<2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %z = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]}
    ins(%y, %variance : tensor<1x2xf32>, tensor<2xf32>) outs(%zeros : tensor<1x2xf32>) {
  ^bb0(%in: f32, %v: f32, %out: f32):
    %0 = math.rsqrt %v : f32
    %1 = arith.mulf %in, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

// A sum that continues another one has no constant initial value.

#id = affine_map<(m, n) -> (m, n)>
// CHECK-LABEL: func @accumulates
func.func @accumulates(%x: tensor<1x2xf32>, %init: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK: linalg.matmul
  // CHECK: linalg.add
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %z = linalg.add ins(%y, %y : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

// There are 2^32 ways from the result to the argument; each value is computed once.
#id = affine_map<(r, c) -> (r, c)>
// CHECK-LABEL: func @many_ways
// CHECK-DAG: arith.constant dense<4.2949673E+9> : tensor<3x4xf32>
// CHECK: %[[RESULT:.*]] = linalg.matmul
// CHECK-NEXT: return %[[RESULT]]
func.func @many_ways(%x: tensor<2x3xf32>) -> tensor<2x4xf32> {
  %w = arith.constant dense<1.0> : tensor<3x4xf32>
  %z = arith.constant dense<0.0> : tensor<2x4xf32>
  %e = tensor.empty() : tensor<2x4xf32>
  %y = linalg.matmul ins(%x, %w : tensor<2x3xf32>, tensor<3x4xf32>) outs(%z : tensor<2x4xf32>) -> tensor<2x4xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) {
  ^bb0(%0: f32, %o: f32):
    %1 = arith.addf %0, %0 : f32
    %2 = arith.addf %1, %1 : f32
    %3 = arith.addf %2, %2 : f32
    %4 = arith.addf %3, %3 : f32
    %5 = arith.addf %4, %4 : f32
    %6 = arith.addf %5, %5 : f32
    %7 = arith.addf %6, %6 : f32
    %8 = arith.addf %7, %7 : f32
    %9 = arith.addf %8, %8 : f32
    %10 = arith.addf %9, %9 : f32
    %11 = arith.addf %10, %10 : f32
    %12 = arith.addf %11, %11 : f32
    %13 = arith.addf %12, %12 : f32
    %14 = arith.addf %13, %13 : f32
    %15 = arith.addf %14, %14 : f32
    %16 = arith.addf %15, %15 : f32
    %17 = arith.addf %16, %16 : f32
    %18 = arith.addf %17, %17 : f32
    %19 = arith.addf %18, %18 : f32
    %20 = arith.addf %19, %19 : f32
    %21 = arith.addf %20, %20 : f32
    %22 = arith.addf %21, %21 : f32
    %23 = arith.addf %22, %22 : f32
    %24 = arith.addf %23, %23 : f32
    %25 = arith.addf %24, %24 : f32
    %26 = arith.addf %25, %25 : f32
    %27 = arith.addf %26, %26 : f32
    %28 = arith.addf %27, %27 : f32
    %29 = arith.addf %28, %28 : f32
    %30 = arith.addf %29, %29 : f32
    %31 = arith.addf %30, %30 : f32
    %32 = arith.addf %31, %31 : f32
    linalg.yield %32 : f32
  } -> tensor<2x4xf32>
  return %r : tensor<2x4xf32>
}

// -----

// A factor for each of no rows says nothing of the channels.
#id = affine_map<(r, c) -> (r, c)>
#rows = affine_map<(r, c) -> (r)>
// CHECK-LABEL: func @no_rows
// CHECK: linalg.matmul
// CHECK: linalg.generic
// CHECK: arith.mulf
func.func @no_rows(%x: tensor<0x3xf32>) -> tensor<0x4xf32> {
  %w = arith.constant dense<1.0> : tensor<3x4xf32>
  %z = arith.constant dense<0.0> : tensor<0x4xf32>
  %e = tensor.empty() : tensor<0x4xf32>
  %k = arith.constant dense<2.0> : tensor<0xf32>
  %y = linalg.matmul ins(%x, %w : tensor<0x3xf32>, tensor<3x4xf32>) outs(%z : tensor<0x4xf32>) -> tensor<0x4xf32>
  %r = linalg.generic {indexing_maps = [#id, #rows, #id], iterator_types = ["parallel", "parallel"]} ins(%y, %k : tensor<0x4xf32>, tensor<0xf32>) outs(%e : tensor<0x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.mulf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<0x4xf32>
  return %r : tensor<0x4xf32>
}
