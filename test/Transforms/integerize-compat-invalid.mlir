// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-integerize=compat=tosa
// RUN: not qfmt-opt %s -split-input-file -qfmt-integerize=compat=tvm 2>&1 | FileCheck %s

// RUN: not qfmt-opt %s -split-input-file -qfmt-integerize=function-bits=99 2>&1 | FileCheck %s --check-prefix=BITS
// RUN: not qfmt-opt %s -split-input-file -qfmt-integerize=table-bits=17 2>&1 | FileCheck %s --check-prefix=TABLE
// RUN: not qfmt-opt %s -split-input-file -qfmt-integerize=accumulator-bits=16 2>&1 | FileCheck %s --check-prefix=ACCUMULATOR

// BITS: error: qfmt-integerize: function-bits is between 8 and 31, found 99
// TABLE: error: qfmt-integerize: table-bits is at most 16, found 17
// ACCUMULATOR: error: qfmt-integerize: accumulator-bits is 32 or 64, or 0 for either, found 16
// CHECK: error: qfmt-integerize: compat is tflite, onnx, tosa, tosa-double-round, hawq, or empty for rules of qfmt's own; found 'tvm'

#act = #qfmt.scaled<i8, scale = 0.5>
func.func @rounding(%a: tensor<4xf32, #act>) -> tensor<4xf32, #qfmt.scaled<i8, scale = 0.75>> {
  // expected-error @+1 {{'qfmt.convert' op has rounding = toward_zero, but compat has a rounding of its own; drop one of the two}}
  %0 = qfmt.convert %a rounding = toward_zero : tensor<4xf32, #act> to tensor<4xf32, #qfmt.scaled<i8, scale = 0.75>>
  return %0 : tensor<4xf32, #qfmt.scaled<i8, scale = 0.75>>
}

// -----

// TOSA shifts right by 2 bits at least.
#act = #qfmt.scaled<i8, scale = 1.0e9>
func.func @shift(%a: tensor<4xf32, #act>) -> tensor<4xf32, #qfmt.scaled<i8, scale = 0.75>> {
  // expected-error @+1 {{is no dyadic number m / 2^n with m < 2^31 and 2 <= n <= 62}}
  %0 = qfmt.convert %a : tensor<4xf32, #act> to tensor<4xf32, #qfmt.scaled<i8, scale = 0.75>>
  return %0 : tensor<4xf32, #qfmt.scaled<i8, scale = 0.75>>
}
