// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-split-accumulators=chain-length=600
// RUN: not qfmt-opt %s -split-input-file -qfmt-split-accumulators=chain-length=1 -o /dev/null 2>&1 | FileCheck %s --check-prefix=ONE
// RUN: qfmt-opt %s -split-input-file -qfmt-split-accumulators=chain-length=600 2>/dev/null | FileCheck %s
// ONE: error: chain-length is 1, which splits nothing; use 2 or more, or 0 for the longest safe chains

// The override is done, and said. Error bounds are void.
// CHECK-LABEL: func.func @unsafe
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<4x2x600xi16>, tensor<2x600x8xi8>)
// CHECK: tensor.extract_slice %{{.*}}[0, 1200] [4, 300] [1, 1]
// CHECK: qfmt.error_bound = 0x7FF0000000000000 : f64
func.func @unsafe(%x: tensor<4x1500xi16>, %w: tensor<1500x8xi8>, %acc: tensor<4x8xi64>) -> tensor<4x8xi8> {
  // expected-warning @+1 {{chain-length makes chains of 600 terms, whose sums may overflow 32 bits: a term is in -4194176 ... 4194304, of which 511 are safe; results and error bounds are no longer proven}}
  %0 = linalg.matmul ins(%x, %w : tensor<4x1500xi16>, tensor<1500x8xi8>) outs(%acc : tensor<4x8xi64>) -> tensor<4x8xi64>
  %e = tensor.empty() : tensor<4x8xi8>
  %1 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<4x8xi64>) outs(%e : tensor<4x8xi8>) attrs = {qfmt.error_bound = 0.5 : f64} {
  ^bb0(%in: i64, %o: i8):
    %t = arith.trunci %in : i64 to i8
    linalg.yield %t : i8
  } -> tensor<4x8xi8>
  return %1 : tensor<4x8xi8>
}

// -----

// A length that is safe, by the constants here, is no reason to warn.
// CHECK-LABEL: func.func @safe
// CHECK: tensor<4x2x600xi16>
// CHECK: qfmt.error_bound = 5.000000e-01
func.func @safe(%x: tensor<4x1200xi16>, %acc: tensor<4x8xi64>) -> tensor<4x8xi8> {
  %w = arith.constant dense<-100> : tensor<1200x8xi8>
  %0 = linalg.matmul ins(%x, %w : tensor<4x1200xi16>, tensor<1200x8xi8>) outs(%acc : tensor<4x8xi64>) -> tensor<4x8xi64>
  %e = tensor.empty() : tensor<4x8xi8>
  %1 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<4x8xi64>) outs(%e : tensor<4x8xi8>) attrs = {qfmt.error_bound = 0.5 : f64} {
  ^bb0(%in: i64, %o: i8):
    %t = arith.trunci %in : i64 to i8
    linalg.yield %t : i8
  } -> tensor<4x8xi8>
  return %1 : tensor<4x8xi8>
}

// -----

// As a whole, too.
func.func @whole(%x: tensor<4x512xi16>, %w: tensor<512x8xi8>, %acc: tensor<4x8xi64>) -> tensor<4x8xi64> {
  // expected-warning @+1 {{chains of 512 terms, whose sums may overflow 32 bits}}
  %0 = linalg.matmul ins(%x, %w : tensor<4x512xi16>, tensor<512x8xi8>) outs(%acc : tensor<4x8xi64>) -> tensor<4x8xi64>
  return %0 : tensor<4x8xi64>
}

// -----

// A term that is no i32 is never taken in 32 bits, asked for or not.
// CHECK-LABEL: func.func @wide_terms
// CHECK: linalg.matmul
func.func @wide_terms(%x: tensor<4x8xi32>, %w: tensor<8x8xi16>, %acc: tensor<4x8xi64>) -> tensor<4x8xi64> {
  %0 = linalg.matmul ins(%x, %w : tensor<4x8xi32>, tensor<8x8xi16>) outs(%acc : tensor<4x8xi64>) -> tensor<4x8xi64>
  return %0 : tensor<4x8xi64>
}
