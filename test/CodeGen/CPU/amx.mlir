// Products in AMX tiles, in assembly.
// REQUIRES: x86_64
// RUN: %python -c "import sys; print(sys.stdin.read().replace('WEIGHTS', '0x01000000' + bytes(i * 37 % 251 for i in range(32768)).hex()).replace('HALF', '0x01000000' + bytes(i * 37 % 251 for i in range(16384)).hex()))" < %s > %t.mlir
// RUN: qfmt-run %t.mlir --emit=asm --entry=short --mcpu=sapphirerapids -o - | FileCheck %s --check-prefixes=TILES,SHORT
// RUN: qfmt-run %t.mlir --emit=asm --entry=long --mcpu=sapphirerapids -o - | FileCheck %s --check-prefixes=TILES,LONG
// RUN: qfmt-run %t.mlir --emit=asm --entry=few_rows --mcpu=sapphirerapids -o - | FileCheck %s --check-prefix=VECTORS
// RUN: qfmt-run %t.mlir --emit=asm --entry=short --mcpu=sapphirerapids --mattr=-amx-int8 -o - | FileCheck %s --check-prefix=VECTORS

// Codes are multiplied as they are. Four loads for four products; between the first and the last product no tile is stored, and so none spilled.
// TILES: ldtilecfg
// TILES-COUNT-4: {{[[:space:]]}}tile{{zero|loadd}}
// TILES-NOT: {{[[:space:]]}}tilestored
// TILES-COUNT-4: {{[[:space:]]}}tileloadd
// SHORT-NEXT: tdpbssd
// SHORT-NEXT: tdpbssd
// SHORT-NEXT: tdpbssd
// SHORT-NEXT: tdpbssd
// LONG-NEXT: tdpbusd
// LONG-NEXT: tdpbusd
// LONG-NEXT: tdpbusd
// LONG-NEXT: tdpbusd
// TILES-NOT: {{[[:space:]]}}tilestored
// TILES: {{[[:space:]]}}tileloadd
// TILES: {{[[:space:]]}}tdpb
// TILES: {{[[:space:]]}}tilestored
// SHORT: vpmovsdb
// Sums of the last part are added to those that wait in memory.
// LONG: {{[[:space:]]}}tilezero
// LONG: {{[[:space:]]}}tdpbusd
// LONG-COUNT-4: {{[[:space:]]}}tilestored
// LONG: vpaddd
// TILES: tilerelease

// VECTORS-NOT: tile
// VECTORS: vpdpbusd {{.*}}%zmm
// VECTORS-NOT: tile

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>

func.func @short(%x: tensor<32x512xi8>) -> tensor<32x32xi8> {
  %w = arith.constant dense_resource<short> : tensor<512x32xi8>
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<32x32xi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<32x32xi32>) -> tensor<32x32xi32>
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<32x512xi8>, tensor<512x32xi8>) outs(%init : tensor<32x32xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<32x32xi32>
  %qe = tensor.empty() : tensor<32x32xi8>
  %q = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<32x32xi32>) outs(%qe : tensor<32x32xi8>) {
  ^bb0(%a: i32, %o: i8):
    %multiplier = arith.constant 1500000000 : i32
    %shift = arith.constant 40 : i32
    %scaled = qfmt.dyadic_scale %a, %multiplier, %shift : i32, i32, i32 to i32
    %low = arith.constant -128 : i32
    %high = arith.constant 127 : i32
    %max = arith.maxsi %scaled, %low : i32
    %min = arith.minsi %max, %high : i32
    %t = arith.trunci %min : i32 to i8
    linalg.yield %t : i8
  } -> tensor<32x32xi8>
  return %q : tensor<32x32xi8>
}

func.func @long(%x: tensor<32x1024xi8>) -> tensor<32x32xi32> {
  %w = arith.constant dense_resource<long> : tensor<1024x32xi8>
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<32x32xi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<32x32xi32>) -> tensor<32x32xi32>
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<32x1024xi8>, tensor<1024x32xi8>) outs(%init : tensor<32x32xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<32x32xi32>
  return %y : tensor<32x32xi32>
}

func.func @few_rows(%x: tensor<15x512xi8>) -> tensor<15x32xi32> {
  %w = arith.constant dense_resource<short> : tensor<512x32xi8>
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<15x32xi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<15x32xi32>) -> tensor<15x32xi32>
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<15x512xi8>, tensor<512x32xi8>) outs(%init : tensor<15x32xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<15x32xi32>
  return %y : tensor<15x32xi32>
}

{-#
  dialect_resources: {
    builtin: {
      long: "WEIGHTS",
      short: "HALF"
    }
  }
#-}
