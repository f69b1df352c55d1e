// The scales are 1, 0.4 becomes 0 and 1.3 becomes 1: with the mean x = (2, -3) the results are off by (-0.8, 0.9).
// RUN: %npy make %t.npy "<f4" 2x1x2 1 -2 3 -4
// RUN: qfmt-opt %s -qfmt-annotate="data=%t.npy moments=%t.npz" -o %t.mlir
// RUN: qfmt-opt %t.mlir -qfmt-keep-weights | FileCheck %s --check-prefix=KEPT
// RUN: qfmt-opt %t.mlir -qfmt-keep-weights -qfmt-quantize="weights=i4 activations=f32 encode-weights=false" -o %t.quantized.mlir
// RUN: qfmt-opt %t.quantized.mlir -qfmt-encode-constants -qfmt-correct-biases=moments=%t.npz 2> %t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.err
// `quantize` of constants that nobody has computed yet, too.
// RUN: qfmt-opt %t.quantized.mlir -qfmt-correct-biases=moments=%t.npz 2>/dev/null | FileCheck %s
// RUN: not qfmt-opt %s -qfmt-correct-biases=moments=%t.npz 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not qfmt-opt %t.quantized.mlir -qfmt-correct-biases=moments=%t.nowhere.npz 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not qfmt-opt %s -qfmt-correct-biases 2>&1 | FileCheck %s --check-prefix=NOOPTION
// NONE: error: qfmt-correct-biases: finds no layer with 'qfmt.real_weights'; run qfmt-keep-weights before qfmt-quantize
// NOFILE: error: qfmt-correct-biases: cannot read '{{.*}}nowhere.npz'
// NOOPTION: error: qfmt-correct-biases: option 'moments' is missing

// KEPT: linalg.matmul {qfmt.layer = "matmul.0", qfmt.real_weights = dense<{{.*}}> : tensor<2x2xf32>}

// CHECK-NOT: real_weights
// CHECK: %[[B:.*]] = arith.constant dense<[1.0{{0*}}e+00, 0.10000{{[0-9]*}}]> : tensor<2xf32>
// CHECK: %[[INIT:.*]] = linalg.broadcast ins(%[[B]] : tensor<2xf32>)
// CHECK: linalg.matmul ins({{.*}}) outs(%[[INIT]]
// REMARK: remark: its bias is corrected by up to 8.99

func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %o = qfmt.observe %x "argument.0" : tensor<1x2xf32>
  %w = arith.constant dense<[[0.4, 7.0], [7.0, 1.3]]> : tensor<2x2xf32>
  %bias = arith.constant dense<[0.2, 1.0]> : tensor<2xf32>
  %empty = tensor.empty() : tensor<1x2xf32>
  %init = linalg.broadcast ins(%bias : tensor<2xf32>) outs(%empty : tensor<1x2xf32>) dimensions = [0]
  %y = linalg.matmul ins(%o, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
