// RUN: qfmt-opt %s --qfmt-decompose --qfmt-factor-scales | FileCheck %s
// RUN: qfmt-opt %s --qfmt-decompose --qfmt-factor-scales --remark-policy=all \
// RUN:   --remarks-filter-missed='qfmt-factor.*' -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=MISSED

!A = tensor<2x8xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>
!AB = tensor<2x8xf32, #qfmt.scaled<i8, block = [1, 4], scale = f32>>
!W = tensor<3x8xf32, #qfmt.scaled<i4, block = [1, 4], scale = f16>>
!W8 = tensor<3x8xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// Sums of groups, then of groups with their scales, then the row's scale. -8
// to 7 are the integers; the scales of the second group are 0, and so its integers.
// CHECK-LABEL: @groups
// CHECK-SAME: (%{{.*}}: tensor<2x8xi8>, %[[SX:.*]]: tensor<2x1xf32>)
// CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[\[\[}}1, -8, 7, 2], [0, 0, 0, 0]],
// CHECK-DAG: %[[S:.*]] = arith.constant dense<{{\[\[}}5.000000e-01, 1.000000e+00, 2.000000e+00], [5.000000e-01, 5.000000e-01, 5.000000e-01]]> : tensor<2x3xf32>
// CHECK-DAG: %[[X:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2]] {{.*}} : tensor<2x8xi8> into tensor<2x2x4xi8>
// CHECK-DAG: %[[I:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[W]] : tensor<2x2x4xi8>, tensor<3x2x4xi8>) outs({{.*}} : tensor<2x3x2xi32>)
// CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[I]], %[[S]] : tensor<2x3x2xi32>, tensor<2x3xf32>) outs({{.*}} : tensor<2x3xf32>)
// CHECK: %[[F:.*]] = arith.sitofp
// CHECK-NEXT: %[[T:.*]] = arith.mulf %[[F]]
// CHECK-NEXT: arith.addf %{{.*}}, %[[T]]
// CHECK: linalg.generic {{.*}} ins(%[[Y]], %{{.*}} : tensor<2x3xf32>, tensor<2xf32>)
// CHECK: arith.mulf
// CHECK-NOT: linalg.matmul
func.func @groups(%x: !A) -> tensor<2x3xf32> {
  %c = arith.constant dense<[[1, -8, 7, 2, 0, 1, 2, 3], [1, 2, 3, 4, 5, 6, 7, -1], [-1, -2, -3, -4, -5, -6, -7, -8]]> : tensor<3x8xi4>
  %s = arith.constant dense<[[0.5, 0.0], [1.0, 0.0], [2.0, 0.0]]> : tensor<3x2xf16>
  %w = qfmt.assemble %c, %s : tensor<3x8xi4>, tensor<3x2xf16> to !W
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x3xf32>
  %i = linalg.fill ins(%z : f32) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
  %r = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w : !A, !W) outs(%i : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// Scales of the first factor's groups are multiplied beside the constant ones.
// CHECK-LABEL: @both
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<2x3x2xi32>, tensor<2x3xf32>, tensor<2x2xf32>)
// CHECK: %[[F:.*]] = arith.sitofp
// CHECK-NEXT: %[[T:.*]] = arith.mulf %[[F]]
// CHECK-NEXT: %[[U:.*]] = arith.mulf %[[T]]
// CHECK-NEXT: arith.addf %{{.*}}, %[[U]]
func.func @both(%x: !AB) -> tensor<2x3xf32> {
  %c = arith.constant dense<1> : tensor<3x8xi4>
  %s = arith.constant dense<0.5> : tensor<3x2xf16>
  %w = qfmt.assemble %c, %s : tensor<3x8xi4>, tensor<3x2xf16> to !W
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x3xf32>
  %i = linalg.fill ins(%z : f32) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
  %r = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w : !AB, !W) outs(%i : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// Bytes with one scale for all terms: a product of integers, as
// qfmt-pack-products takes it. Initial values are added at the end.
// CHECK-LABEL: @rows
// CHECK: %[[I:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x8xi8>, tensor<3x8xi8>) outs({{.*}} : tensor<2x3xi32>)
// CHECK: linalg.generic {{.*}} ins(%[[I]], %{{.*}}, %{{.*}}, %{{.*}} : tensor<2x3xi32>, tensor<3xf32>, tensor<2xf32>, tensor<2x3xf32>)
// CHECK: arith.sitofp
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: arith.addf
func.func @rows(%x: !A, %i: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %c = arith.constant dense<[[1, 2, 3, 4, 5, 6, 7, 8], [11, 12, 13, 14, 15, 16, 17, 38], [-1, -2, -3, -4, -5, -6, -7, -8]]> : tensor<3x8xi8>
  %s = arith.constant dense<[[0.5], [1.0], [2.0]]> : tensor<3x1xf32>
  %w = qfmt.assemble %c, %s : tensor<3x8xi8>, tensor<3x1xf32> to !W8
  %r = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w : !A, !W8) outs(%i : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// MISSED: remark: {{.*}}NotFactored{{.*}}neither factor is a constant
// CHECK-LABEL: @variable
// CHECK: linalg.matmul
func.func @variable(%x: !A, %w: !W, %i: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %r = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w : !A, !W) outs(%i : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// A plain factor is none of this pass's business.
// CHECK-LABEL: @plain
// CHECK: linalg.matmul
func.func @plain(%x: tensor<2x8xf32>, %i: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %c = arith.constant dense<1> : tensor<3x8xi4>
  %s = arith.constant dense<0.5> : tensor<3x2xf16>
  %w = qfmt.assemble %c, %s : tensor<3x8xi4>, tensor<3x2xf16> to !W
  %r = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w : tensor<2x8xf32>, !W) outs(%i : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// Values of f8E4M3FN need more than 8 bits as integers.
// MISSED: remark: {{.*}}NotFactored{{.*}}no integers of 8 bits
// CHECK-LABEL: @wide
// CHECK: linalg.matmul
func.func @wide(%x: !A, %i: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %c = arith.constant dense<[[1.0, 448.0, 0.015625, 1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]]> : tensor<3x8xf8E4M3FN>
  %s = arith.constant dense<1.0> : tensor<3x2xf32>
  %w = qfmt.assemble %c, %s : tensor<3x8xf8E4M3FN>, tensor<3x2xf32> to tensor<3x8xf32, #qfmt.scaled<f8E4M3FN, block = [1, 4], scale = f32>>
  %r = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w : !A, tensor<3x8xf32, #qfmt.scaled<f8E4M3FN, block = [1, 4], scale = f32>>) outs(%i : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}
