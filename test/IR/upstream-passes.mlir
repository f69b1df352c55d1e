// Upstream operations and passes take encoded tensors as they are: linalg reads
// them through `ins`, control flow and calls pass them on, and no encoding is
// lost on the way.
//
// RUN: qfmt-opt %s -canonicalize -cse | FileCheck %s --check-prefixes=CHECK,NAMED
// RUN: qfmt-opt %s -linalg-generalize-named-ops -canonicalize -cse | FileCheck %s --check-prefixes=CHECK,GENERIC
// RUN: qfmt-opt %s -inline -symbol-dce -verify-roundtrip | FileCheck %s --check-prefix=INLINE
// RUN: qfmt-opt %s -qfmt-verify-level=level=encoded -linalg-generalize-named-ops -canonicalize -qfmt-verify-level=level=encoded -o /dev/null

!a = tensor<8x32xf32, #qfmt.scaled<ui8, scale = 0.1>>
!b = tensor<32x16xf32, #qfmt.scaled<i4, block = [16, 1], scale = f16>>

// CHECK-DAG: #[[A:.*]] = #qfmt.scaled<ui8, scale = 1.000000e-01>
// CHECK-DAG: #[[B:.*]] = #qfmt.scaled<i4, block = [16, 1], scale = f16>

// CHECK-LABEL: func.func @matmul(
// CHECK-SAME: %[[X:.*]]: tensor<8x32xf32, #[[A]]>, %[[W:.*]]: tensor<32x16xf32, #[[B]]>
// NAMED: linalg.matmul ins(%[[X]], %[[W]] : tensor<8x32xf32, #[[A]]>, tensor<32x16xf32, #[[B]]>)
// GENERIC: linalg.generic {{.*}}"reduction"]}
// GENERIC-SAME: ins(%[[X]], %[[W]] : tensor<8x32xf32, #[[A]]>, tensor<32x16xf32, #[[B]]>)
// GENERIC-NEXT: ^bb0(%{{.*}}: f32, %{{.*}}: f32, %{{.*}}: f32):
func.func @matmul(%x: !a, %w: !b) -> tensor<8x16xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<8x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x16xf32>) -> tensor<8x16xf32>
  %y = linalg.matmul ins(%x, %w : !a, !b) outs(%init : tensor<8x16xf32>) -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}

// CHECK-LABEL: func.func @convolution(
// NAMED: linalg.conv_2d_nchw_fchw
// GENERIC: linalg.generic
// CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<1x3x8x8xf32, #[[A]]>, tensor<4x3x3x3xf32, #{{.*}}>)
func.func @convolution(%x: tensor<1x3x8x8xf32, #qfmt.scaled<ui8, scale = 0.1>>,
                       %w: tensor<4x3x3x3xf32, #qfmt.scaled<i8, block = [1, *, *, *], scale = f32>>,
                       %init: tensor<1x4x6x6xf32>) -> tensor<1x4x6x6xf32> {
  %y = linalg.conv_2d_nchw_fchw
    ins(%x, %w : tensor<1x3x8x8xf32, #qfmt.scaled<ui8, scale = 0.1>>,
                 tensor<4x3x3x3xf32, #qfmt.scaled<i8, block = [1, *, *, *], scale = f32>>)
    outs(%init : tensor<1x4x6x6xf32>) -> tensor<1x4x6x6xf32>
  return %y : tensor<1x4x6x6xf32>
}

// Two equal quantizations are one.
// CHECK-LABEL: func.func @cse
// CHECK-COUNT-1: qfmt.quantize
// CHECK-NOT: qfmt.quantize
// CHECK: return %[[Q:.*]], %[[Q]]
func.func @cse(%x: tensor<8x32xf32>) -> (!a, !a) {
  %p = qfmt.quantize %x : tensor<8x32xf32> to !a
  %q = qfmt.quantize %x : tensor<8x32xf32> to !a
  return %p, %q : !a, !a
}

// Different roundings are not.
// CHECK-LABEL: func.func @no_cse
// CHECK-COUNT-2: qfmt.quantize
func.func @no_cse(%x: tensor<8x32xf32>) -> (!a, !a) {
  %p = qfmt.quantize %x : tensor<8x32xf32> to !a
  %q = qfmt.quantize %x rounding = floor : tensor<8x32xf32> to !a
  return %p, %q : !a, !a
}

func.func private @callee(%x: !a, %flag: i1) -> !a {
  %y = scf.if %flag -> (!a) {
    scf.yield %x : !a
  } else {
    %r = qfmt.dequantize %x : !a to tensor<8x32xf32>
    %n = linalg.negf ins(%r : tensor<8x32xf32>) outs(%r : tensor<8x32xf32>) -> tensor<8x32xf32>
    %q = qfmt.quantize %n : tensor<8x32xf32> to !a
    scf.yield %q : !a
  }
  return %y : !a
}

// INLINE-LABEL: func.func @control_flow
// INLINE: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (tensor<8x32xf32, #{{.*}}>)
// INLINE-NOT: call
// INLINE: scf.if %{{.*}} -> (tensor<8x32xf32, #{{.*}}>)
func.func @control_flow(%x: !a, %flag: i1, %n: index) -> !a {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %y = scf.for %i = %zero to %n step %one iter_args(%v = %x) -> (!a) {
    %u = func.call @callee(%v, %flag) : (!a, i1) -> !a
    scf.yield %u : !a
  }
  return %y : !a
}

// CHECK-LABEL: func.func @moves(
// CHECK: tensor.extract_slice %{{.*}}[0, 0] [4, 32] [1, 1] : tensor<8x32xf32, #[[A]]> to tensor<4x32xf32, #[[A]]>
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0, 1]] : tensor<4x32xf32, #[[A]]> into tensor<128xf32, #[[A]]>
func.func @moves(%x: !a) -> tensor<128xf32, #qfmt.scaled<ui8, scale = 0.1>> {
  %s = tensor.extract_slice %x[0, 0] [4, 32] [1, 1] : !a to tensor<4x32xf32, #qfmt.scaled<ui8, scale = 0.1>>
  %c = tensor.collapse_shape %s [[0, 1]] : tensor<4x32xf32, #qfmt.scaled<ui8, scale = 0.1>> into tensor<128xf32, #qfmt.scaled<ui8, scale = 0.1>>
  return %c : tensor<128xf32, #qfmt.scaled<ui8, scale = 0.1>>
}
