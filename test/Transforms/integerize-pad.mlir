// Pad sizes that are constants, as tosa-to-tensor writes them, not attributes.
//
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false},canonicalize,cse,qfmt-verify-level{level=integer})' | FileCheck %s

#act = #qfmt.scaled<ui8, scale = 0.5, zero_point = 3>

// Zero is the code 3.
// CHECK-LABEL: func.func @constant_sizes
// CHECK: tensor.pad %{{.*}} low[1] high[2]
// CHECK: tensor.yield %c3_i8 : i8
// CHECK: : tensor<4xi8> to tensor<7xi8>
func.func @constant_sizes(%x: tensor<4xf32>) -> tensor<7xf32> {
  %q = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #act>
  %zero = arith.constant 0.0 : f32
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %p = tensor.pad %q low[%c1] high[%c2] {
  ^bb0(%i: index):
    tensor.yield %zero : f32
  } : tensor<4xf32, #act> to tensor<7xf32, #act>
  %y = qfmt.dequantize %p : tensor<7xf32, #act> to tensor<7xf32>
  return %y : tensor<7xf32>
}
