// The numbers are such that nothing is rounded: folding must not change them.
// RUN: %npy make %t.x.npy "<f4" 1x1x3x3 1 -2 3 -4 5 -6 7 -8 9
// RUN: qfmt-run %s --engine=reference --inputs=%t.x.npy --outputs=%t.before.npy
// RUN: qfmt-opt %s -qfmt-fold-batch-norm -o %t.folded.mlir
// RUN: FileCheck %s --check-prefix=FOLDED --input-file=%t.folded.mlir
// RUN: qfmt-run %t.folded.mlir --engine=reference --inputs=%t.x.npy --outputs=%t.after.npy
// RUN: qfmt-run %t.folded.mlir --inputs=%t.x.npy --outputs=%t.jit.npy
// RUN: %npy print %t.before.npy | FileCheck %s
// RUN: %npy print %t.after.npy | FileCheck %s
// RUN: %npy print %t.jit.npy | FileCheck %s
// FOLDED-NOT: math.rsqrt
// CHECK: <f4 (1, 2, 2, 2) 5 12 12 5 88 -104 -152 184

#id = affine_map<(n, c, h, w) -> (n, c, h, w)>
#channel = affine_map<(n, c, h, w) -> (c)>
func.func @main(%x: tensor<1x1x3x3xf32>) -> tensor<1x2x2x2xf32> {
  %w = arith.constant dense<[[[[2.0, 0.0], [1.0, -1.0]]], [[[3.0, 1.0], [0.0, 4.0]]]]> : tensor<2x1x2x2xf32>
  %old = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %gamma = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %beta = arith.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %mean = arith.constant dense<[4.0, 6.0]> : tensor<2xf32>
  %variance = arith.constant dense<[4.0, 0.25]> : tensor<2xf32>
  %empty = tensor.empty() : tensor<1x2x2x2xf32>
  %init = linalg.broadcast ins(%old : tensor<2xf32>) outs(%empty : tensor<1x2x2x2xf32>) dimensions = [0, 2, 3]
  %y = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%x, %w : tensor<1x1x3x3xf32>, tensor<2x1x2x2xf32>) outs(%init : tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %z = linalg.generic {indexing_maps = [#id, #channel, #channel, #channel, #channel, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%y, %gamma, %beta, %mean, %variance : tensor<1x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) outs(%y : tensor<1x2x2x2xf32>) {
  ^bb0(%in: f32, %g: f32, %b: f32, %m: f32, %v: f32, %out: f32):
    %1 = math.rsqrt %v : f32
    %2 = arith.subf %in, %m : f32
    %3 = arith.mulf %2, %1 : f32
    %4 = arith.mulf %3, %g : f32
    %5 = arith.addf %4, %b : f32
    linalg.yield %5 : f32
  } -> tensor<1x2x2x2xf32>
  return %z : tensor<1x2x2x2xf32>
}
