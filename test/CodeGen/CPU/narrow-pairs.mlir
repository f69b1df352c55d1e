// vpmaddubsw saturates sums of two products to 16 bits. It is used where no sum can be so large: the magnitudes of any two neighbouring terms
// of the constant factor add up to at most 128.
// REQUIRES: x86_64
// RUN: %python -c "import sys; print(sys.stdin.read().replace('WEIGHTS', '0x01000000' + bytes((i * 37 % 129 - 64) % 256 for i in range(2048)).hex()))" < %s > %t.narrow.mlir
// RUN: %python -c "import sys; print(sys.stdin.read().replace('WEIGHTS', '0x01000000' + bytes(i * 37 % 251 for i in range(2048)).hex()))" < %s > %t.wide.mlir
// RUN: qfmt-run %t.narrow.mlir --emit=asm --mcpu=haswell -o - | FileCheck %s --check-prefix=NARROW
// RUN: qfmt-run %t.narrow.mlir --emit=asm --mcpu=skylake-avx512 -o - | FileCheck %s --check-prefix=NARROW512
// RUN: qfmt-run %t.wide.mlir --emit=asm --mcpu=haswell -o - | FileCheck %s --check-prefix=WIDE
// RUN: qfmt-run %t.narrow.mlir --emit=asm --mcpu=icelake-server -o - | FileCheck %s --check-prefix=VNNI

// NARROW-NOT: vpmovsx{{.*}}(%r
// NARROW: vpmaddubsw {{.*}}%ymm
// NARROW-NEXT: vpmaddwd {{.*}}%ymm
// NARROW512: vpmaddubsw {{.*}}%zmm
// NARROW512-NEXT: vpmaddwd {{.*}}%zmm
// WIDE-NOT: vpmaddubsw
// WIDE: vpmaddwd {{.*}}%ymm
// VNNI-NOT: vpmadd
// VNNI: vpdpbusd

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>

func.func @main(%x: tensor<12x64xi8>) -> tensor<12x32xi32> {
  %w = arith.constant dense_resource<w> : tensor<64x32xi8>
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<12x32xi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<12x32xi32>) -> tensor<12x32xi32>
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<12x64xi8>, tensor<64x32xi8>) outs(%init : tensor<12x32xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<12x32xi32>
  return %y : tensor<12x32xi32>
}

{-#
  dialect_resources: {
    builtin: {
      w: "WEIGHTS"
    }
  }
#-}
