// Every rounding mode: ties, negative values, no shift at all, saturation.

// RUN: %npy make %t.a.npy '<i4' 12 5 -5 6 -6 7 -7 1000 -1000 2147483647 -2147483648 0 2
// RUN: %npy make %t.m.npy '<i4' 12 1 1 1 1 3 3 1 1 2147483647 2147483647 5 5
// RUN: %npy make %t.n.npy '<i4' 12 1 1 2 2 1 1 0 0 62 62 3 0
// RUN: qfmt-run %s --inputs=%t.a.npy,%t.m.npy,%t.n.npy --outputs=%t.he.npy,%t.ha.npy,%t.hu.npy,%t.tz.npy,%t.f.npy,%t.c.npy,%t.hd.npy,%t.hz.npy
// RUN: for f in he ha hu tz f c hd hz; do %npy print %t.$f.npy; done | FileCheck %s
// RUN: qfmt-run %s --engine=reference --inputs=%t.a.npy,%t.m.npy,%t.n.npy --outputs=%t.he2.npy,%t.ha2.npy,%t.hu2.npy,%t.tz2.npy,%t.f2.npy,%t.c2.npy,%t.hd2.npy,%t.hz2.npy
// RUN: for f in he ha hu tz f c hd hz; do cmp %t.$f.npy %t."$f"2.npy || exit 1; done

// Exact: 2.5 -2.5 1.5 -1.5 10.5 -10.5 1000 -1000 just below 1, just above -1 in magnitude below 1, 0, 10.
// CHECK:      |i1 (12,) 2 -2 2 -2 10 -10 127 -128 1 -1 0 10
// CHECK-NEXT: |i1 (12,) 3 -3 2 -2 11 -11 127 -128 1 -1 0 10
// CHECK-NEXT: |i1 (12,) 3 -2 2 -1 11 -10 127 -128 1 -1 0 10
// CHECK-NEXT: |i1 (12,) 2 -2 1 -1 10 -10 127 -128 0 0 0 10
// CHECK-NEXT: |i1 (12,) 2 -3 1 -2 10 -11 127 -128 0 -1 0 10
// CHECK-NEXT: |i1 (12,) 3 -2 2 -1 11 -10 127 -128 1 0 0 10
// CHECK-NEXT: |i1 (12,) 2 -3 1 -2 10 -11 127 -128 1 -1 0 10
// CHECK-NEXT: |i1 (12,) 2 -2 1 -1 10 -10 127 -128 1 -1 0 10

!acc = tensor<12xi32>
!code = tensor<12xi8>
func.func @main(%a: !acc, %m: !acc, %n: !acc) -> (!code, !code, !code, !code, !code, !code, !code, !code) {
  %0 = qfmt.dyadic_scale %a, %m, %n : !acc, !acc, !acc to !code
  %1 = qfmt.dyadic_scale %a, %m, %n rounding = half_away : !acc, !acc, !acc to !code
  %2 = qfmt.dyadic_scale %a, %m, %n rounding = half_up : !acc, !acc, !acc to !code
  %3 = qfmt.dyadic_scale %a, %m, %n rounding = toward_zero : !acc, !acc, !acc to !code
  %4 = qfmt.dyadic_scale %a, %m, %n rounding = floor : !acc, !acc, !acc to !code
  %5 = qfmt.dyadic_scale %a, %m, %n rounding = ceil : !acc, !acc, !acc to !code
  %6 = qfmt.dyadic_scale %a, %m, %n rounding = half_down : !acc, !acc, !acc to !code
  %7 = qfmt.dyadic_scale %a, %m, %n rounding = half_toward_zero : !acc, !acc, !acc to !code
  return %0, %1, %2, %3, %4, %5, %6, %7 : !code, !code, !code, !code, !code, !code, !code, !code
}

// Twice: 5/2^33 is first 0, as is everything below 2^30 / 2^31; 3 * 2^30 / 2^32 = 0.75 is first 2 (1.5 up), then 1; -3 is first -1
// (-1.5 up), then -1 (-0.5 away).
// RUN: %npy make %t.a3.npy '<i4' 5 5 3 -3 1000 -1001
// RUN: %npy make %t.m3.npy '<i4' 5 1 1073741824 1073741824 2147483647 1073741824
// RUN: %npy make %t.n3.npy '<i4' 5 33 32 32 31 33
// RUN: qfmt-run %s --entry=twice --inputs=%t.a3.npy,%t.m3.npy,%t.n3.npy --outputs=%t.jit.npy
// RUN: qfmt-run %s --entry=twice --engine=reference --inputs=%t.a3.npy,%t.m3.npy,%t.n3.npy --outputs=%t.ref.npy
// RUN: %npy print %t.jit.npy | FileCheck %s --check-prefix=TWICE
// RUN: cmp %t.jit.npy %t.ref.npy
// TWICE: <i4 (5,) 0 1 -1 1000 -125
func.func @twice(%a: tensor<5xi32>, %m: tensor<5xi32>, %n: tensor<5xi32>) -> tensor<5xi32> {
  %0 = qfmt.dyadic_scale %a, %m, %n double_rounding : tensor<5xi32>, tensor<5xi32>, tensor<5xi32> to tensor<5xi32>
  return %0 : tensor<5xi32>
}
