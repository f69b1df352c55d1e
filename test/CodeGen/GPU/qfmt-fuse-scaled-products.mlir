// RUN: qfmt-opt %s --qfmt-set-gpu-target=chip=sm_80 --qfmt-fuse-scaled-products | FileCheck %s
// RUN: qfmt-opt %s --qfmt-set-gpu-target=chip=sm_80 --qfmt-fuse-scaled-products --remark-policy=all --remarks-filter-missed='qfmt-fuse.*' \
// RUN:   -o /dev/null 2>&1 | FileCheck %s --check-prefix=MISSED
// RUN: qfmt-opt %s --qfmt-set-gpu-target=chip=sm_75 --qfmt-fuse-scaled-products | FileCheck %s --check-prefix=OLD
// RUN: qfmt-opt %s --qfmt-set-gpu-target=chip=sm_80 --qfmt-fuse-scaled-products=tier=portable | FileCheck %s --check-prefix=OLD
// OLD-NOT: scaled_product

#a = affine_map<(m, n, g, k) -> (m, g, k)>
#b = affine_map<(m, n, g, k) -> (n, g, k)>
#c = affine_map<(m, n, g, k) -> (m, n, g)>
#s = affine_map<(m, n, g) -> (m, n, g)>
#t = affine_map<(m, n, g) -> (g, n)>
#r = affine_map<(m, n, g) -> (m, g)>
#o = affine_map<(m, n, g) -> (m, n)>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
#row = affine_map<(m, n) -> (m)>

// -2 ... 1 take two bits. Column 0 of lane 0 has terms 0 ... 3 in field 0 of its first word: -2 -1 0 1 are codes 2 3 0 1 in the lowest bits
// of the four bytes. Scales are those of a strip of 16 columns; what follows is the body.
// CHECK-LABEL: @groups
// CHECK-DAG: %[[S:.*]] = arith.constant dense<{{\[\[\[}}1.000000e+00, 5.000000e-01, 0.000000e+00, {{.*}}> : tensor<1x1x16xf32>
// CHECK-DAG: %[[C:.*]] = arith.constant dense_resource<codes> : tensor<1x1x32x4xi32>
// CHECK: %[[R:.*]] = qfmt_gpu.scaled_product %{{.*}} * %[[C]] bits 2 scales %[[S]] : tensor<1x1x16xf32> row_scales %{{.*}} : tensor<?x1xf32>
// CHECK-SAME: with %{{.*}} : tensor<?xf32> maps [#{{.*}}] into %{{.*}} {
// CHECK-NEXT: ^bb0(%[[SUM:.*]]: f32, %[[ROW:.*]]: f32):
// CHECK-NEXT: %[[P:.*]] = arith.mulf %[[SUM]], %[[ROW]] : f32
// CHECK-NEXT: qfmt_gpu.yield %[[P]] : f32
// CHECK-NEXT: } : tensor<?x1x16xi8>, tensor<1x1x32x4xi32>, tensor<?x2xf32> -> tensor<?x2xf32>
// CHECK: return %[[R]]
func.func @groups(%x: tensor<?x1x16xi8>, %a: tensor<?x1xf32>, %q: tensor<?xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[[-2, -1, 0, 1, -1, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1]], [[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]]> : tensor<2x1x16xi8>
  %scales = arith.constant dense<[[1.0, 0.5]]> : tensor<1x2xf32>
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x1x16xi8>
  %z = arith.constant 0 : i32
  %e = tensor.empty(%m) : tensor<?x2x1xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<?x2x1xi32>) -> tensor<?x2x1xi32>
  %i = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x1x16xi8>, tensor<2x1x16xi8>) outs(%f : tensor<?x2x1xi32>) {
  ^bb0(%p: i8, %v: i8, %s: i32):
    %p32 = arith.extsi %p : i8 to i32
    %v32 = arith.extsi %v : i8 to i32
    %t = arith.muli %p32, %v32 : i32
    %u = arith.addi %s, %t : i32
    linalg.yield %u : i32
  } -> tensor<?x2x1xi32>
  %zf = arith.constant 0.0 : f32
  %ef = tensor.empty(%m) : tensor<?x2xf32>
  %ff = linalg.fill ins(%zf : f32) outs(%ef : tensor<?x2xf32>) -> tensor<?x2xf32>
  %y = linalg.generic {indexing_maps = [#s, #t, #r, #o], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%i, %scales, %a : tensor<?x2x1xi32>, tensor<1x2xf32>, tensor<?x1xf32>) outs(%ff : tensor<?x2xf32>) {
  ^bb0(%p: i32, %v: f32, %b: f32, %s: f32):
    %g = arith.sitofp %p : i32 to f32
    %t = arith.mulf %g, %v : f32
    %t2 = arith.mulf %t, %b : f32
    %u = arith.addf %s, %t2 : f32
    linalg.yield %u : f32
  } -> tensor<?x2xf32>
  %h = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%y, %q : tensor<?x2xf32>, tensor<?xf32>) outs(%ef : tensor<?x2xf32>) {
  ^bb0(%p: f32, %v: f32, %s: f32):
    %t = arith.mulf %p, %v : f32
    linalg.yield %t : f32
  } -> tensor<?x2xf32>
  return %h : tensor<?x2xf32>
}

// A ternary constant without scales: sums of i32. What activations are moved by is a constant for each column.
// CHECK-LABEL: @bytes
// CHECK-DAG: %[[B:.*]] = arith.constant dense<[9, 0, -9]> : tensor<3xi32>
// CHECK-DAG: %[[X:.*]] = tensor.pad %{{.*}} high[0, 13]
// CHECK-DAG: %[[E:.*]] = tensor.expand_shape %[[X]] {{.*}} : tensor<2x16xi8> into tensor<2x1x16xi8>
// CHECK: qfmt_gpu.scaled_product %[[E]] * %{{.*}} bits 2 with %[[B]] : tensor<3xi32>
// CHECK-NEXT: ^bb0(%[[SUM:.*]]: i32, %[[A:.*]]: i32):
// CHECK-NEXT: arith.addi %[[SUM]], %[[A]] : i32
func.func @bytes(%x: tensor<2x3xi8>) -> tensor<2x3xi32> {
  %w = arith.constant dense<[[1, 1, 1], [0, 1, -1], [-1, -1, -1]]> : tensor<3x3xi8>
  %three = arith.constant 3 : i32
  %z = arith.constant 0 : i32
  %e = tensor.empty() : tensor<2x3xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<2x3xi32>) -> tensor<2x3xi32>
  %i = linalg.generic {indexing_maps = [#mk, #nk, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<2x3xi8>, tensor<3x3xi8>) outs(%f : tensor<2x3xi32>) {
  ^bb0(%p: i8, %v: i8, %s: i32):
    %p32 = arith.extsi %p : i8 to i32
    %pz = arith.addi %p32, %three : i32
    %v32 = arith.extsi %v : i8 to i32
    %t = arith.muli %pz, %v32 : i32
    %u = arith.addi %s, %t : i32
    linalg.yield %u : i32
  } -> tensor<2x3xi32>
  return %i : tensor<2x3xi32>
}

// Numbers of a table of 16, and what they are multiplied by for a column.
// CHECK-LABEL: @floats
// CHECK: qfmt_gpu.scaled_product %{{.*}} * %{{.*}} bits 4 table [-1.200000e+01, {{.*}}] with %{{.*}} : tensor<1xf32>
// CHECK: tensor<2x1x16xf16>
func.func @floats(%x: tensor<2x16xf16>) -> tensor<2x1xf32> {
  %w = arith.constant dense<[[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]]> : tensor<1x16xi8>
  %scale = arith.constant 3.0 : f32
  %ew = tensor.empty() : tensor<1x16xf32>
  %d = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%w : tensor<1x16xi8>) outs(%ew : tensor<1x16xf32>) {
  ^bb0(%p: i8, %s: f32):
    %t = arith.trunci %p : i8 to i4
    %b = arith.bitcast %t : i4 to f4E2M1FN
    %v = arith.extf %b : f4E2M1FN to f32
    %u = arith.mulf %v, %scale : f32
    linalg.yield %u : f32
  } -> tensor<1x16xf32>
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x1xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<2x1xf32>) -> tensor<2x1xf32>
  %i = linalg.generic {indexing_maps = [#mk, #nk, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %d : tensor<2x16xf16>, tensor<1x16xf32>) outs(%f : tensor<2x1xf32>) {
  ^bb0(%p: f16, %v: f32, %s: f32):
    %p32 = arith.extf %p : f16 to f32
    %t = arith.mulf %p32, %v : f32
    %u = arith.addf %s, %t : f32
    linalg.yield %u : f32
  } -> tensor<2x1xf32>
  return %i : tensor<2x1xf32>
}

// MISSED: NotForTensorCores{{.*}}it is no product of a matrix of f16 or bf16
// CHECK-LABEL: @f32
// CHECK-NOT: scaled_product
// CHECK: return
func.func @f32(%x: tensor<2x16xf32>, %w: tensor<1x16xf32>, %f: tensor<2x1xf32>) -> tensor<2x1xf32> {
  %i = linalg.generic {indexing_maps = [#mk, #nk, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<2x16xf32>, tensor<1x16xf32>) outs(%f : tensor<2x1xf32>) {
  ^bb0(%p: f32, %v: f32, %s: f32):
    %t = arith.mulf %p, %v : f32
    %u = arith.addf %s, %t : f32
    linalg.yield %u : f32
  } -> tensor<2x1xf32>
  return %i : tensor<2x1xf32>
}

// What canonicalization leaves of a product with a constant of equal elements.
// MISSED: NotForTensorCores{{.*}}all weights are one number, so that it is the sum of a row, for each column
// CHECK-LABEL: @equal_weights
// CHECK-NOT: scaled_product
// CHECK: return
func.func @equal_weights(%x: tensor<2x16xi8>, %f: tensor<2x3xi32>) -> tensor<2x3xi32> {
  %i = linalg.generic {indexing_maps = [#mk, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : tensor<2x16xi8>) outs(%f : tensor<2x3xi32>) {
  ^bb0(%p: i8, %s: i32):
    %p32 = arith.extsi %p : i8 to i32
    %u = arith.addi %s, %p32 : i32
    linalg.yield %u : i32
  } -> tensor<2x3xi32>
  return %i : tensor<2x3xi32>
}
