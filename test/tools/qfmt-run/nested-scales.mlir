// Scales of scales: compiled code and the reference evaluator agree.

// RUN: %npy make %t.x.npy '<f4' 3x4 1e38 -1e38 0 5 0.001 -0.002 0 nan 0 0 0 0
// RUN: qfmt-run %s --inputs=%t.x.npy --outputs=%t.q0.npy,%t.q1.npy,%t.q2.npy,%t.q3.npy,%t.y.npy
// RUN: %npy print %t.q0.npy | FileCheck %s --check-prefix=CODES
// RUN: %npy print %t.q1.npy | FileCheck %s --check-prefix=SCALES
// RUN: %npy print %t.q3.npy | FileCheck %s --check-prefix=ZEROS
// RUN: qfmt-run %s --engine=reference --inputs=%t.x.npy --outputs=%t.r0.npy,%t.r1.npy,%t.r2.npy,%t.r3.npy,%t.ry.npy
// RUN: cmp %t.q0.npy %t.r0.npy
// RUN: cmp %t.q1.npy %t.r1.npy
// RUN: cmp %t.q2.npy %t.r2.npy
// RUN: cmp %t.q3.npy %t.r3.npy
// RUN: cmp %t.y.npy %t.ry.npy

// The first row's scale leaves no code nearer to 1 than 0 for the others: they get the next one.
// CODES: |i1 (3, 4) 127 -128 -1 -1 -128 -128 -128 -128 -128 -128 -128 -128
// SCALES: |u1 (3, 1) 255 1 1
// ZEROS: |i1 (3, 1) -1 -128 -128

// A scale of scales that is 1 is no reason to read them in f64.
!steep = tensor<3x4xf32, #qfmt.scaled<i8, block = [1, 4], scale = #qfmt.scaled<ui8, scale = f32>, zero_point = i8>>
!flat = tensor<3x4xf32, #qfmt.scaled<f4E2M1FN, block = [1, 2], scale = #qfmt.scaled<f8E8M0FNU>>>
func.func @main(%x: tensor<3x4xf32>) -> (!steep, tensor<3x4xf32>) {
  %q = qfmt.quantize %x : tensor<3x4xf32> to !steep
  %f = qfmt.quantize %x : tensor<3x4xf32> to !flat
  %y = qfmt.dequantize %f : !flat to tensor<3x4xf32>
  return %q, %y : !steep, tensor<3x4xf32>
}
