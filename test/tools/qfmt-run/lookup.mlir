// Table lookups: indices are unsigned, entries of any width. What does not fit a byte goes in and out as i16.

// RUN: %npy make %t.x.npy '<i2' 3x11 0 1 2 3 5 7 9 12 14 15 16 100 128 200 255
// RUN: qfmt-run %s --engine=jit --inputs=%t.x.npy --outputs=%t.0.npy,%t.1.npy,%t.2.npy,%t.3.npy,%t.4.npy
// RUN: qfmt-run %s --engine=reference --inputs=%t.x.npy --outputs=%t.r0.npy,%t.r1.npy,%t.r2.npy,%t.r3.npy,%t.r4.npy
// RUN: for i in 0 1 2 3 4; do cmp %t.$i.npy %t.r$i.npy || exit 1; %npy print %t.$i.npy; done | FileCheck %s
// RUN: qfmt-run %s --engine=jit --entry=scalars --outputs=%t.0.npy,%t.1.npy
// RUN: qfmt-run %s --engine=reference --entry=scalars --outputs=%t.r0.npy,%t.r1.npy
// RUN: for i in 0 1; do cmp %t.$i.npy %t.r$i.npy || exit 1; %npy print %t.$i.npy; done | FileCheck %s --check-prefix=SCALARS
// RUN: not qfmt-run %s --engine=reference --entry=beyond --inputs=%t.x.npy --outputs=%t.0.npy 2>&1 | FileCheck %s --check-prefix=BEYOND

// The lowest bit; the index true is 1, not -1.
// CHECK:      <f4 (3, 11) -0.5 1.5 -0.5 1.5 1.5 1.5 1.5 -0.5 -0.5 1.5 -0.5
// i4, where 9 is the code of -7.
// CHECK-NEXT: <f2 (3, 11) 0 1 2 3 5 7 9 12 14 15 0 4 0 8 15
// Entries of i4.
// CHECK-NEXT: |i1 (3, 11) 0 1 2 3 5 7 -7 -4 -2 -1 0 4 0 -8 -1
// CHECK-NEXT: <f8 (3, 11) 0.25 0.25 0.75
// CHECK-NEXT: <i4 (3, 11) 7 8 9 9 9 9

!x = tensor<3x11xi16>
func.func @main(%x: !x) -> (tensor<3x11xf32>, tensor<3x11xf16>, tensor<3x11xi4>, tensor<3x11xf64>, tensor<3x11xi32>) {
  %i1 = arith.trunci %x : !x to tensor<3x11xi1>
  %i4 = arith.trunci %x : !x to tensor<3x11xi4>
  %0 = qfmt.lookup %i1 in dense<[-0.5, 1.5]> : tensor<2xf32> : tensor<3x11xi1> to tensor<3x11xf32>
  %1 = qfmt.lookup %i4 in dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]> : tensor<16xf16>
       : tensor<3x11xi4> to tensor<3x11xf16>
  %2 = qfmt.lookup %i4 in dense<[0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1]> : tensor<16xi4> : tensor<3x11xi4> to tensor<3x11xi4>
  // No index beyond 2: 0 1 2 3 5 becomes 0 1 2 2 2.
  %two = arith.constant dense<2> : !x
  %low = arith.minui %x, %two : !x
  %half = arith.divui %low, %two : !x
  %3 = qfmt.lookup %half in dense<[0.25, 0.75]> : tensor<2xf64> : !x to tensor<3x11xf64>
  %4 = qfmt.lookup %low in dense<[7, 8, 9]> : tensor<3xi32> : !x to tensor<3x11xi32>
  return %0, %1, %2, %3, %4 : tensor<3x11xf32>, tensor<3x11xf16>, tensor<3x11xi4>, tensor<3x11xf64>, tensor<3x11xi32>
}

// Scalars, and a wide index.
// SCALARS:      <f4 (2,) 0.5 0.5
// SCALARS-NEXT: <i2 (300,) 7 8 9 7 8 9
func.func @scalars() -> (tensor<2xf32>, tensor<300xi16>) {
  %c2 = arith.constant 2 : i8
  %e = tensor.empty() : tensor<2xi8>
  %codes = linalg.fill ins(%c2 : i8) outs(%e : tensor<2xi8>) -> tensor<2xi8>
  %i0 = arith.constant 0 : index
  %code = tensor.extract %codes[%i0] : tensor<2xi8>
  %x = qfmt.lookup %code in dense<[-1.0, 0.0, 0.5]> : tensor<3xf32> : i8 to f32
  %r = tensor.splat %x : tensor<2xf32>
  %three = arith.constant 3 : index
  %g = tensor.generate {
  ^bb0(%i: index):
    %k = arith.remui %i, %three : index
    %k64 = arith.index_castui %k : index to i64
    %y = qfmt.lookup %k64 in dense<[7, 8, 9]> : tensor<3xi16> : i64 to i16
    tensor.yield %y : i16
  } : tensor<300xi16>
  return %r, %g : tensor<2xf32>, tensor<300xi16>
}

// BEYOND: 'qfmt.lookup' op has an index beyond the table; found operands 2
func.func @beyond(%x: !x) -> tensor<3x11xf32> {
  %0 = qfmt.lookup %x in dense<[1.0, 2.0]> : tensor<2xf32> : !x to tensor<3x11xf32>
  return %0 : tensor<3x11xf32>
}
