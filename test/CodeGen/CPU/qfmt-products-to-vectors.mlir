// RUN: qfmt-opt %s --pass-pipeline='builtin.module(qfmt-pack-products{instructions=vnni512},qfmt-products-to-vectors{instructions=vnni512},canonicalize,cse)' | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: qfmt-opt %s --pass-pipeline='builtin.module(qfmt-pack-products{instructions=madd256},qfmt-products-to-vectors{instructions=madd256},canonicalize,cse)' | FileCheck %s --check-prefixes=CHECK,MADD
// RUN: qfmt-opt %s --pass-pipeline='builtin.module(qfmt-pack-products,qfmt-products-to-vectors,canonicalize,cse)' | FileCheck %s --check-prefixes=CHECK,PLAIN

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
#columns = affine_map<(m, n) -> (n)>

// Eleven rows are blocks of 6 and 5 for 30 + 2 registers; 20 columns are one block and a masked one. The shift and the bias are computed on the
// accumulators, and nothing but the result is written.
// CHECK-LABEL: func.func @fused
// CHECK-NOT: linalg.generic
// VNNI: scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%{{.*}}) -> (vector<16xi32>, vector<16xi32>, vector<16xi32>, vector<16xi32>
// VNNI: %[[B:.*]] = vector.transfer_read {{.*}} : tensor<2x3x64xi8>, vector<64xi8>
// VNNI: vector.transfer_read %arg0[%{{.*}}, %{{.*}}]{{.*}} : tensor<11x10xi8>, vector<4xi8>
// VNNI: arith.xori %{{.*}}, %{{.*}} : vector<16xi32>
// VNNI: %[[A:.*]] = vector.bitcast %{{.*}} : vector<16xi32> to vector<64xi8>
// VNNI: qfmt_cpu.dot %{{.*}}, %[[A]], %[[B]] : vector<16xi32>, vector<64xi8>
// MADD: qfmt_cpu.dot %{{.*}} : vector<8xi32>, vector<16xi16>
// MADD: vector.shuffle %{{.*}}, %{{.*}} [0, 2, 4, 6, 8, 10, 12, 14] : vector<8xi32>, vector<8xi32>
// PLAIN: arith.muli %{{.*}} : vector<16xi32>
// CHECK: vector.transfer_read %{{.*}}[%{{.*}}]{{.*}} : tensor<20xi32>, vector<16xi32>
// CHECK: arith.shrsi %{{.*}} : vector<16xi32>
// CHECK: arith.trunci %{{.*}} : vector<16xi32> to vector<16xi8>
// CHECK-DAG: vector.transfer_write %{{.*}}, %{{.*}}[%{{.*}}, %{{.*}}] {in_bounds = [true]} : vector<16xi8>, tensor<11x20xi8>
// CHECK-DAG: vector.transfer_write %{{.*}}, %{{.*}}[%{{.*}}, %{{.*}}], %{{.*}} {in_bounds = [true]} : vector<16xi8>, tensor<11x20xi8>
func.func @fused(%x: tensor<11x10xi8>, %bias: tensor<20xi32>, %w: tensor<10x20xi8>) -> tensor<11x20xi8> {
  %c = arith.constant dense_resource<w> : tensor<10x20xi8>
  %e = tensor.empty() : tensor<11x20xi32>
  %init = linalg.generic {indexing_maps = [#columns, #id], iterator_types = ["parallel", "parallel"]} ins(%bias : tensor<20xi32>) outs(%e : tensor<11x20xi32>) {
  ^bb0(%a: i32, %b: i32):
    linalg.yield %a : i32
  } -> tensor<11x20xi32>
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %c : tensor<11x10xi8>, tensor<10x20xi8>) outs(%init : tensor<11x20xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<11x20xi32>
  %qe = tensor.empty() : tensor<11x20xi8>
  %q = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<11x20xi32>) outs(%qe : tensor<11x20xi8>) {
  ^bb0(%a: i32, %o: i8):
    %four = arith.constant 4 : i32
    %s = arith.shrsi %a, %four : i32
    %t = arith.trunci %s : i32 to i8
    linalg.yield %t : i8
  } -> tensor<11x20xi8>
  return %q : tensor<11x20xi8>
}

{-#
  dialect_resources: {
    builtin: {
      w: "0x01000000000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7"
    }
  }
#-}
