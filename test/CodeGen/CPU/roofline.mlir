// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a product reads and how long that takes at least, as remarks.

// RUN: qfmt-opt %s --pass-pipeline='builtin.module(qfmt-pack-products{instructions=vnni512},qfmt-groups-to-vectors{instructions=vnni512},qfmt-products-to-vectors{instructions=vnni512})' \
// RUN:   --remark-policy=all --remarks-filter-analyse='qfmt-(products|groups)-to-vectors' -o /dev/null 2>&1 | FileCheck %s
// RUN: qfmt-opt %s --pass-pipeline='builtin.module(qfmt-pack-products{instructions=vnni512},qfmt-groups-to-vectors{instructions=vnni512},qfmt-products-to-vectors{instructions=vnni512 products-per-cycle=4096 l2-bytes-per-cycle=8 far-bytes-per-cycle=1000000})' \
// RUN:   --remark-policy=all --remarks-filter-analyse='qfmt-(products|groups)-to-vectors' -o /dev/null 2>&1 | FileCheck %s --check-prefix=FAST

// One row: each weight is read once, for one product.
// CHECK: [Analysis] Roofline
// CHECK-SAME: ProductsPerFarKiB=3912,
// CHECK-SAME: bound by reading and writing what is not in the level-2 cache
func.func @gemv(%x: tensor<1x512xi8>) -> tensor<1x256xi32> {
  %w = arith.constant dense<3> : tensor<512x256xi8>
  %zero = arith.constant dense<0> : tensor<1x256xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<1x512xi8>, tensor<512x256xi8>) outs(%zero : tensor<1x256xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<1x256xi32>
  return %y : tensor<1x256xi32>
}

// Many rows: the instructions. 96 x 256 x 512 products by 64 in a cycle; codes, weights of
// two bits and sums once.
// CHECK: [Analysis] Roofline
// CHECK-SAME: Cycles=196608, FarBytes=180224,
// CHECK-SAME: Products=12582912,
// CHECK-SAME: bound by the rate of the instructions that multiply
// The left factor for each of 4 panels of 64 columns, the right one for each of 16 blocks of 6 rows: 2293760 bytes by 8.
// FAST: [Analysis] Roofline | Category:qfmt-products-to-vectors
// FAST-SAME: Cycles=286720,
// FAST-SAME: L2Bytes=2293760, ProductCycles=3072,
// FAST-SAME: bound by reading the level-2 cache
func.func @gemm(%x: tensor<96x512xi8>) -> tensor<96x256xi32> {
  %w = arith.constant dense<3> : tensor<512x256xi8>
  %zero = arith.constant dense<0> : tensor<96x256xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<96x512xi8>, tensor<512x256xi8>) outs(%zero : tensor<96x256xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<96x256xi32>
  return %y : tensor<96x256xi32>
}
