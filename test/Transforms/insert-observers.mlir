// RUN: qfmt-opt %s -split-input-file -qfmt-insert-observers | FileCheck %s
// RUN: qfmt-opt %s -split-input-file -qfmt-insert-observers -qfmt-verify-level=level=observed -o /dev/null

// Bias and relu enter the accumulator of the convolution; the result of the
// pooling is observed, too; padding is not.

#id = affine_map<(n, c, h, w) -> (n, c, h, w)>
#channel = affine_map<(n, c, h, w) -> (c)>
// CHECK-LABEL: func @chain
// CHECK-SAME: (%[[X:.*]]: tensor<1x1x4x4xf32>)
func.func @chain(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  // CHECK: %[[OX:.*]] = qfmt.observe %[[X]] "argument.0" : tensor<1x1x4x4xf32>
  // CHECK: linalg.conv_2d_nchw_fchw {{.*}} ins(%[[OX]],
  // CHECK-NOT: qfmt.observe
  // CHECK: arith.addf
  // CHECK-NOT: qfmt.observe
  // CHECK: arith.select
  // CHECK: %[[RELU:.*]] = qfmt.observe %{{.*}} "generic.0" : tensor<1x2x4x4xf32>
  // CHECK: %[[MAX:.*]] = linalg.pooling_nchw_max {{.*}} ins(%[[RELU]],
  // CHECK: %[[POOL:.*]] = qfmt.observe %[[MAX]] "pooling_nchw_max.0" : tensor<1x2x2x2xf32>
  // CHECK: %[[PAD:.*]] = tensor.pad %[[POOL]]
  // CHECK-NOT: qfmt.observe
  // CHECK: return %[[PAD]]
  %w = arith.constant dense<2.0> : tensor<2x1x1x1xf32>
  %bias = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<1x2x4x4xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %conv = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%x, %w : tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) outs(%init : tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %sum = linalg.generic {indexing_maps = [#id, #channel, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%conv, %bias : tensor<1x2x4x4xf32>, tensor<2xf32>) outs(%conv : tensor<1x2x4x4xf32>) {
  ^bb0(%in: f32, %b: f32, %out: f32):
    %0 = arith.addf %in, %b : f32
    linalg.yield %0 : f32
  } -> tensor<1x2x4x4xf32>
  %relu = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%sum : tensor<1x2x4x4xf32>) outs(%empty : tensor<1x2x4x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.cmpf ugt, %in, %zero : f32
    %1 = arith.select %0, %in, %zero : f32
    linalg.yield %1 : f32
  } -> tensor<1x2x4x4xf32>
  %pooled = tensor.empty() : tensor<1x2x2x2xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %low = linalg.fill ins(%lowest : f32) outs(%pooled : tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %max = linalg.pooling_nchw_max {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
    ins(%relu, %window : tensor<1x2x4x4xf32>, tensor<2x2xf32>) outs(%low : tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %pad = tensor.pad %max low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%n: index, %c: index, %h: index, %v: index):
    tensor.yield %zero : f32
  } : tensor<1x2x2x2xf32> to tensor<1x2x4x4xf32>
  return %pad : tensor<1x2x4x4xf32>
}

// -----

// A tensor with two readers is rounded once, for both: y, but not 2 y, which
// only the last sum reads.

// CHECK-LABEL: func @residual
func.func @residual(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK: qfmt.observe %{{.*}} "argument.0"
  // CHECK: linalg.matmul
  // CHECK-NEXT: %[[Y:.*]] = qfmt.observe %{{.*}} "matmul.0"
  // CHECK-NEXT: %[[Z:.*]] = linalg.add ins(%[[Y]], %[[Y]]
  // CHECK-NEXT: %[[S:.*]] = linalg.add ins(%[[Y]], %[[Z]]
  // CHECK-NEXT: qfmt.observe %[[S]] "add.0"
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %z = linalg.add ins(%y, %y : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %s = linalg.add ins(%y, %z : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %s : tensor<1x2xf32>
}

// -----

// No integer accumulator enters exp, or a product of two tensors; nor is
// anything rounded between the two.

// CHECK-LABEL: func @not_carried
func.func @not_carried(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK: linalg.matmul
  // CHECK-NEXT: %[[Y:.*]] = qfmt.observe %{{.*}} "matmul.0"
  // CHECK-NEXT: %[[E:.*]] = linalg.exp ins(%[[Y]]
  // CHECK-NEXT: linalg.mul ins(%[[E]],
  // CHECK-NEXT: qfmt.observe %{{.*}} "mul.0"
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %e = linalg.exp ins(%y : tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %p = linalg.mul ins(%e, %x : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %p : tensor<1x2xf32>
}

// -----

// Moves are not observed, but their sources are: what is averaged, transposed
// and joined is rounded before.

// CHECK-LABEL: func @moves
func.func @moves(%x: tensor<2x4xf32>) -> tensor<4x4xf32> {
  // CHECK: %[[X:.*]] = qfmt.observe %{{.*}} "argument.0"
  // CHECK: %[[Y:.*]] = qfmt.observe %{{.*}} "exp.0"
  // CHECK-NOT: qfmt.observe
  %empty = tensor.empty() : tensor<2x4xf32>
  %turned = tensor.empty() : tensor<4x2xf32>
  %y = linalg.exp ins(%x : tensor<2x4xf32>) outs(%empty : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t = linalg.transpose ins(%y : tensor<2x4xf32>) outs(%turned : tensor<4x2xf32>) permutation = [1, 0]
  %u = tensor.collapse_shape %t [[0, 1]] : tensor<4x2xf32> into tensor<8xf32>
  %v = tensor.expand_shape %u [[0, 1]] output_shape [2, 4] : tensor<8xf32> into tensor<2x4xf32>
  %c = tensor.concat dim(0) %x, %v : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
  return %c : tensor<4x4xf32>
}

// -----

// What depends on constants alone is none of calibration's business, nor is
// what is no f32 tensor. Ids are unique in the module.

// CHECK-LABEL: func @other_values
func.func @other_values(%x: tensor<2xf32>, %i: tensor<2xi32>, %d: tensor<2xf64>, %unused: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf64>) {
  // CHECK-COUNT-2: qfmt.observe
  // CHECK-NOT: qfmt.observe
  %a = arith.constant dense<1.0> : tensor<2xf32>
  %empty = tensor.empty() : tensor<2xf32>
  %constant = linalg.exp ins(%a : tensor<2xf32>) outs(%empty : tensor<2xf32>) -> tensor<2xf32>
  %y = linalg.mul ins(%x, %constant : tensor<2xf32>, tensor<2xf32>) outs(%empty : tensor<2xf32>) -> tensor<2xf32>
  return %y, %d : tensor<2xf32>, tensor<2xf64>
}
// CHECK-LABEL: func @second_function
func.func @second_function(%x: tensor<2xf32>) -> tensor<2xf32> {
  // CHECK: "argument.1"
  return %x : tensor<2xf32>
}
func.func private @declared(tensor<2xf32>)
