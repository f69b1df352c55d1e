// RUN: qfmt-opt %s --qfmt-decompose --qfmt-set-gpu-target=chip=sm_90a --qfmt-factor-float8-scales=tier=wgmma --canonicalize | FileCheck %s --check-prefix=FACTOR
// RUN: qfmt-opt %s --qfmt-decompose --qfmt-set-gpu-target=chip=sm_90a --qfmt-factor-float8-scales=tier=wgmma --canonicalize \
// RUN:   --qfmt-fuse-float8-products=tier=wgmma --canonicalize --remark-policy=all --remarks-filter-passed='qfmt-.*float8.*' --remarks-filter-missed='qfmt-.*float8.*' \
// RUN:   2>%t.remarks | FileCheck %s --check-prefix=FUSE
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: qfmt-opt %s --qfmt-decompose --qfmt-set-gpu-target=chip=sm_90a --qfmt-factor-float8-scales --canonicalize --qfmt-fuse-float8-products \
// RUN:   --remark-policy=all --remarks-filter-missed='qfmt-.*float8.*' 2>&1 | FileCheck %s --check-prefix=AUTO
// RUN: not qfmt-opt %s --qfmt-set-gpu-target=chip=sm_90 --qfmt-factor-float8-scales=tier=wgmma 2>&1 | FileCheck %s --check-prefix=SM90
// RUN: not qfmt-opt %s --qfmt-set-gpu-target=chip=sm_80 --qfmt-fuse-float8-products=tier=wgmma 2>&1 | FileCheck %s --check-prefix=SM80
// SM90: error: 'sm_90' has no wgmma, which sm_90a alone has; the nearest tier that it has is mma
// SM80: error: 'sm_80' has no wgmma, which sm_90a alone has; the nearest tier that it has is mma

// AUTO-NOT: qfmt_gpu.product
// AUTO: remark: [Missed] NotForWgmma | Category:qfmt-factor-float8-scales | Remark="no product of fp8 for tensor cores: ", Remark="tier=wgmma has to ask for it, since sums then have another order and, on devices, fewer bits"
// REMARK: remark: [Missed] NotForWgmma | Category:qfmt-factor-float8-scales | Remark="no product of fp8 for tensor cores: ", Remark="its scales are not those of whole rows and columns"
// REMARK: remark: [Passed] Fused | Category:qfmt-fuse-float8-products | FusedOperations=1, K=32, N=3, Remark="a product of fp8 for wgmma, whose sums are those of parts of 128 terms, in another order than the operation's"

#rows = #qfmt.scaled<f8E4M3FN, block = [1, *], scale = f32>
#columns = #qfmt.scaled<f8E5M2, block = [*, 1], scale = f32>
#blocks = #qfmt.scaled<f8E4M3FN, block = [1, 16], scale = f32>

// Codes are multiplied, and sums are by the scales of columns, then of rows, and the initial values.
// FACTOR-LABEL: @rows_and_columns
// FACTOR-SAME: (%[[X:.*]]: tensor<?x32xi8>, %[[S:.*]]: tensor<?x1xf32>, %[[W:.*]]: tensor<32x3xi8>, %[[T:.*]]: tensor<1x3xf32>, %[[INIT:.*]]: tensor<?x3xf32>)
// FACTOR-DAG: %[[S1:.*]] = tensor.collapse_shape %[[S]]
// FACTOR-DAG: %[[T1:.*]] = tensor.collapse_shape %[[T]]
// FACTOR: %[[SUMS:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[W]] : tensor<?x32xi8>, tensor<32x3xi8>)
// FACTOR: linalg.generic {{.*}} ins(%[[SUMS]], %[[T1]], %[[S1]], %[[INIT]] : tensor<?x3xf32>, tensor<3xf32>, tensor<?xf32>, tensor<?x3xf32>)
// FACTOR-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[C:.*]]: f32, %[[D:.*]]: f32, %{{.*}}: f32):
// FACTOR-NEXT: %[[E:.*]] = arith.mulf %[[A]], %[[B]] : f32
// FACTOR-NEXT: %[[F:.*]] = arith.mulf %[[E]], %[[C]] : f32
// FACTOR-NEXT: %[[G:.*]] = arith.addf %[[D]], %[[F]] : f32
// FACTOR-NEXT: linalg.yield %[[G]]

// The right factor is transposed.
// FUSE-LABEL: @rows_and_columns
// FUSE: %[[W:.*]] = linalg.transpose ins(%{{.*}} : tensor<32x3xi8>) outs(%{{.*}} : tensor<3x32xi8>) permutation = [1, 0]
// FUSE: qfmt_gpu.product %{{.*}} as f8E4M3FN * %[[W]] as f8E5M2 with %{{.*}}, %{{.*}}, %{{.*}} : tensor<3xf32>, tensor<?xf32>, tensor<?x3xf32>
// FUSE-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[C:.*]]: f32, %[[D:.*]]: f32):
// FUSE-NEXT: arith.mulf %[[A]], %[[B]] : f32
// FUSE: qfmt_gpu.yield
// FUSE-NEXT: } : tensor<?x32xi8>, tensor<3x32xi8>, tensor<?x3xf32> -> tensor<?x3xf32>
func.func @rows_and_columns(%x: tensor<?x32xf8E4M3FN>, %s: tensor<?x1xf32>, %w: tensor<32x3xf8E5M2>, %t: tensor<1x3xf32>,
                            %init: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %a = qfmt.assemble %x, %s : tensor<?x32xf8E4M3FN>, tensor<?x1xf32> to tensor<?x32xf32, #rows>
  %b = qfmt.assemble %w, %t : tensor<32x3xf8E5M2>, tensor<1x3xf32> to tensor<32x3xf32, #columns>
  %r = linalg.matmul ins(%a, %b : tensor<?x32xf32, #rows>, tensor<32x3xf32, #columns>) outs(%init : tensor<?x3xf32>) -> tensor<?x3xf32>
  return %r : tensor<?x3xf32>
}

// A constant is stored as columns.
// FUSE-LABEL: @constant
// FUSE: %[[W:.*]] = arith.constant dense<{{\[\[}}48, 50, 52], [49, 51, 53]]> : tensor<2x3xi8>
// FUSE: qfmt_gpu.product %{{.*}} as f8E4M3FN * %[[W]] as f8E5M2
func.func @constant(%x: tensor<5x3xf8E4M3FN>, %s: tensor<5x1xf32>, %t: tensor<1x2xf32>) -> tensor<5x2xf32> {
  %w = arith.constant dense<[[0.125, 0.15625], [0.1875, 0.21875], [0.25, 0.3125]]> : tensor<3x2xf8E5M2>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<5x2xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<5x2xf32>) -> tensor<5x2xf32>
  %a = qfmt.assemble %x, %s : tensor<5x3xf8E4M3FN>, tensor<5x1xf32> to tensor<5x3xf32, #rows>
  %b = qfmt.assemble %w, %t : tensor<3x2xf8E5M2>, tensor<1x2xf32> to tensor<3x2xf32, #columns>
  %r = linalg.matmul ins(%a, %b : tensor<5x3xf32, #rows>, tensor<3x2xf32, #columns>) outs(%init : tensor<5x2xf32>) -> tensor<5x2xf32>
  return %r : tensor<5x2xf32>
}

// Scales of blocks of terms stay where they are.
// FUSE-LABEL: @blocks
// FUSE-NOT: qfmt_gpu.product
func.func @blocks(%x: tensor<5x32xf8E4M3FN>, %s: tensor<5x2xf32>, %w: tensor<32x3xf8E5M2>, %t: tensor<1x3xf32>,
                  %init: tensor<5x3xf32>) -> tensor<5x3xf32> {
  %a = qfmt.assemble %x, %s : tensor<5x32xf8E4M3FN>, tensor<5x2xf32> to tensor<5x32xf32, #blocks>
  %b = qfmt.assemble %w, %t : tensor<32x3xf8E5M2>, tensor<1x3xf32> to tensor<32x3xf32, #columns>
  %r = linalg.matmul ins(%a, %b : tensor<5x32xf32, #blocks>, tensor<32x3xf32, #columns>) outs(%init : tensor<5x3xf32>) -> tensor<5x3xf32>
  return %r : tensor<5x3xf32>
}
