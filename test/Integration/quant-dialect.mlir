// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's own lowering of quant.qcast truncates and wraps: 2.6, 200 and -300 become 2, -56 and -44. Ours rounds and saturates,
// to -127 in the narrow range; per axis and in blocks each element has its own scale.

// RUN: %npy make %t.x.npy '<f4' 6 2.6 -2.6 200 127.5 -300 2.5
// RUN: qfmt-opt %s --convert-quant-to-qfmt -o %t.mlir
// RUN: qfmt-run %t.mlir --inputs=%t.x.npy --outputs=%t.a.npy,%t.b.npy,%t.c.npy,%t.d.npy,%t.e.npy
// RUN: %npy print %t.a.npy | FileCheck %s --check-prefix=WIDE
// RUN: %npy print %t.b.npy | FileCheck %s --check-prefix=NARROW
// RUN: %npy print %t.c.npy | FileCheck %s --check-prefix=AXIS
// RUN: %npy print %t.d.npy | FileCheck %s --check-prefix=CODES
// RUN: %npy print %t.e.npy | FileCheck %s --check-prefix=BLOCKS

// The same numbers after a way through quant, and from the reference evaluator.
// RUN: qfmt-opt %t.mlir --convert-qfmt-to-quant --convert-quant-to-qfmt -o %t.again.mlir
// RUN: qfmt-run %t.again.mlir --engine=reference --inputs=%t.x.npy --outputs=%t.ra.npy,%t.rb.npy,%t.rc.npy,%t.rd.npy,%t.re.npy
// RUN: cmp %t.a.npy %t.ra.npy && cmp %t.b.npy %t.rb.npy && cmp %t.c.npy %t.rc.npy && cmp %t.d.npy %t.rd.npy && cmp %t.e.npy %t.re.npy

// WIDE: |i1 (6,) 3 -3 127 127 -128 2
// NARROW: |i1 (6,) 3 -3 127 127 -127 2
// AXIS: <f4 (6,) 2.5 -3 200 128 -300 2.5
// CODES: |i1 (6,) 5 -3 2 64 -7 8
// BLOCKS: <f4 (6,) 2.5 -2.5 200 128 -128 2

!wide = !quant.uniform<i8:f32, 1.0>
!narrow = !quant.uniform<i8<-127:127>:f32, 1.0>
!axis = !quant.uniform<i8:f32:0, {0.5, 1.0, 100.0, 2.0, 30.0:3, 0.25:-2}>
!blocks = !quant.uniform<u8:f32:{0:2}, {0.5:10, 8.0:1, 1.0:128}>
func.func @main(%x: tensor<6xf32>) -> (tensor<6x!wide>, tensor<6x!narrow>, tensor<6xf32>, tensor<6xi8>, tensor<6xf32>) {
  %0 = quant.qcast %x : tensor<6xf32> to tensor<6x!wide>
  %1 = quant.qcast %x : tensor<6xf32> to tensor<6x!narrow>
  %2 = quant.qcast %x : tensor<6xf32> to tensor<6x!axis>
  %3 = quant.dcast %2 : tensor<6x!axis> to tensor<6xf32>
  %4 = quant.scast %2 : tensor<6x!axis> to tensor<6xi8>
  %5 = quant.qcast %x : tensor<6xf32> to tensor<6x!blocks>
  %6 = quant.dcast %5 : tensor<6x!blocks> to tensor<6xf32>
  return %0, %1, %3, %4, %6 : tensor<6x!wide>, tensor<6x!narrow>, tensor<6xf32>, tensor<6xi8>, tensor<6xf32>
}
