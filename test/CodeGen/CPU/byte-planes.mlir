// RUN: qfmt-opt %s --qfmt-float-products-to-vectors --canonicalize --cse | FileCheck %s

// Codes of eight bits whose numbers fit the upper half of f32: of four rows together, two look-ups in 128 bytes each, the same for
// both signs, and the sign; nothing extends codes one by one.
// CHECK-LABEL: @float8
// CHECK-DAG:   %[[CODES:.*]] = arith.constant {{.*}} : tensor<1x2x64xi8>
// CHECK-DAG:   %[[SIGN:.*]] = arith.constant dense<-128> : vector<64xi8>
// CHECK-DAG:   %[[SHIFT:.*]] = arith.constant dense<16> : vector<16xi32>
// CHECK-DAG:   %[[UPPER:.*]] = arith.constant dense<-65536> : vector<16xi32>
// CHECK:       %[[C:.*]] = vector.transfer_read %[[CODES]]{{.*}} vector<64xi8>
// CHECK:       %[[LOW:.*]] = qfmt_cpu.lookup_bytes %[[C]] in %[[L0:.*]], %[[L1:.*]], %[[L0]], %[[L1]]
// CHECK:       %[[HIGH:.*]] = qfmt_cpu.lookup_bytes %[[C]] in %[[H0:.*]], %[[H1:.*]], %[[H0]], %[[H1]]
// CHECK:       %[[S:.*]] = arith.andi %[[C]], %[[SIGN]]
// CHECK:       %[[H:.*]] = arith.ori %[[HIGH]], %[[S]]
// CHECK:       %[[PAIRS:.*]] = vector.shuffle %[[LOW]], %[[H]]
// CHECK:       %[[WORDS:.*]] = vector.bitcast %[[PAIRS]] : vector<64xi8> to vector<16xi32>
// CHECK:       arith.shli %[[WORDS]], %[[SHIFT]]
// CHECK:       arith.andi %[[WORDS]], %[[UPPER]]
// CHECK-NOT:   arith.ext
module attributes {qfmt.target_features = ["avx512f", "avx512bw", "avx512vbmi"]} {
func.func @float8(%x: tensor<1x8xf32>, %z: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %codes = arith.constant dense<[[1.0, -1.0, 1.5, -0.0, 448.0, 0.001953125, -8.0, 0.0], [-2.0, 2.5, 3.0, 3.5, -1.5, 0.75, 240.0, 9.0]]> : tensor<2x8xf8E4M3FN>
  %e = tensor.empty() : tensor<2x8xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n, k)>], iterator_types = ["parallel", "parallel"]}
    ins(%codes : tensor<2x8xf8E4M3FN>) outs(%e : tensor<2x8xf32>) {
  ^bb0(%c: f8E4M3FN, %o: f32):
    %f = arith.extf %c : f8E4M3FN to f32
    linalg.yield %f : f32
  } -> tensor<2x8xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<1x8xf32>, tensor<2x8xf32>) outs(%z : tensor<1x2xf32>) {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.mulf %l, %r : f32
    %n = arith.addf %s, %p : f32
    linalg.yield %n : f32
  } -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
}
