// An encoded argument is an array for each constituent; unsigned codes are unsigned arrays.

// RUN: %npy make %t.x.npy '|u1' 2x2 0 255 128 1
// RUN: %npy make %t.s.npy '<f4' 2x1 0.5 2
// RUN: qfmt-run %s --inputs=%t.x.npy,%t.s.npy --outputs=%t.y.npy,%t.q.npy
// RUN: %npy print %t.y.npy | FileCheck %s --check-prefix=Y
// RUN: %npy print %t.q.npy | FileCheck %s --check-prefix=Q
// RUN: qfmt-run %s --engine=reference --inputs=%t.x.npy,%t.s.npy --outputs=%t.ry.npy,%t.rq.npy
// RUN: cmp %t.y.npy %t.ry.npy
// RUN: cmp %t.q.npy %t.rq.npy

// Y: <f4 (2, 2) 0 127.5 256 2
// Q: |u1 (2, 2) 0 15 15 2

// RUN: qfmt-run %s --print-signature | FileCheck %s --check-prefix=SIGNATURE
// SIGNATURE: {"function":"main","inputs":[{"dtype":"|u1","name":"pixels.payload","shape":[2,2]},{"dtype":"<f4","name":"pixels.scale","shape":[2,1]}],
// SIGNATURE-SAME: "outputs":[{"dtype":"<f4","name":"output0","shape":[2,2]},{"dtype":"|u1","name":"output1","shape":[2,2]}]}

// RUN: not qfmt-run %s --inputs=%t.x.npy 2>&1 | FileCheck %s --check-prefix=COUNT
// COUNT: error: 'main' takes 2 arrays, found 1 with --inputs
// RUN: not qfmt-run %s --inputs=%t.s.npy,%t.s.npy 2>&1 | FileCheck %s --check-prefix=TYPE
// TYPE: error: '{{.*}}': argument #0 ('pixels'), payload has elements of type ui8, that is u1 in numpy, found f4
// RUN: %npy make %t.n.npy '|i1' 2x2 0 -1 2 3
// RUN: not qfmt-run %s --inputs=%t.n.npy,%t.s.npy 2>&1 | FileCheck %s --check-prefix=SIGN
// SIGN: error: '{{.*}}': argument #0 ('pixels'), payload: element 1 is no value of ui8

!rows = tensor<2x2xf32, #qfmt.scaled<ui8, block = [1, *], scale = f32>>
!q = tensor<2x2xf32, #qfmt.scaled<ui4>>
func.func @main(%x: !rows {qfmt.name = "pixels"}) -> (tensor<2x2xf32>, !q) {
  %0 = qfmt.dequantize %x : !rows to tensor<2x2xf32>
  %1 = qfmt.quantize %0 : tensor<2x2xf32> to !q
  return %0, %1 : tensor<2x2xf32>, !q
}
