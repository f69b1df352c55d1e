// Codes of three bits: the code of 32 rows has no loop. Where a panel is kept,
// its blocks of columns have one: bufferization takes minutes for 128 stores
// that follow each other.
// RUN: %python -c "import sys; print(sys.stdin.read().replace('CODES', '0x01000000' + bytes(i * 37 % 61 % 8 for i in range(4096)).hex()))" < %s > %t.mlir
// RUN: qfmt-opt %t.mlir --qfmt-float-products-to-vectors --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK: %[[PANEL:.*]] = tensor.empty() : tensor<64x64xf32>
// CHECK: scf.for %[[I:.*]] = %c0 to %c4 step %c1 iter_args(%{{.*}} = %[[PANEL]])
// CHECK: %[[COLUMN:.*]] = arith.muli %[[I]], %c16
// CHECK: scf.for {{.*}} step %c32 iter_args(
// CHECK-COUNT-32: vector.transfer_write %{{.*}}[%{{.*}}, %[[COLUMN]]]
// CHECK-NOT: vector.transfer_write
// CHECK: scf.yield
module attributes {qfmt.target_features = ["avx512f", "avx512bw", "avx512vl", "avx512vnni", "avx2", "avx", "fma"]} {
func.func @main(%x: tensor<?x64xf32>, %z: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %codes = arith.constant dense_resource<codes> : tensor<64x64xi8>
  %e = tensor.empty() : tensor<64x64xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n, k)>],
                       iterator_types = ["parallel", "parallel"]}
    ins(%codes : tensor<64x64xi8>) outs(%e : tensor<64x64xf32>) {
  ^bb0(%c: i8, %o: f32):
    %v = arith.uitofp %c : i8 to f32
    linalg.yield %v : f32
  } -> tensor<64x64xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
                                        affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<?x64xf32>, tensor<64x64xf32>) outs(%z : tensor<?x64xf32>) {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.mulf %l, %r : f32
    %n = arith.addf %s, %p : f32
    linalg.yield %n : f32
  } -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
}

{-#
  dialect_resources: {
    builtin: {
      codes: "CODES"
    }
  }
#-}
