// Products in groups: integers in AMX tiles, sums in vectors, in assembly; and which of two ways is taken.
// REQUIRES: x86_64
// RUN: %python -c "import struct, sys; scales = b''.join(struct.pack('<f', 1 + i % 50 / 64) for i in range(512)); print(sys.stdin.read().replace('WEIGHTS', '0x01000000' + bytes((i * 37 % 16 - 8) & 255 for i in range(16384)).hex()).replace('SCALES', '0x04000000' + scales.hex()))" < %s > %t.mlir
// RUN: qfmt-run %t.mlir --emit=asm --entry=many_rows --mcpu=sapphirerapids -o - | FileCheck %s --check-prefix=TILES
// RUN: qfmt-run %t.mlir --emit=asm --entry=few_rows --mcpu=sapphirerapids -o - | FileCheck %s --check-prefix=VECTORS
// RUN: qfmt-run %t.mlir --emit=asm --entry=many_rows --mcpu=sapphirerapids --mattr=-amx-int8 -o - | FileCheck %s --check-prefix=VECTORS
// RUN: qfmt-opt %t.mlir --pass-pipeline='builtin.module(qfmt-pack-groups,qfmt-groups-to-vectors{instructions=amx})' --remark-policy=all \
// RUN:   --remarks-filter='qfmt-groups-to-vectors' -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARKS

// Four tiles of a group: four loads for four products that add to zeros, four stores. After them the sums of two earlier groups for 16 rows and 32 columns,
// 16 of which stay in registers: integers are converted as they are loaded. Then tiles again. Nothing is spilled.
// TILES: ldtilecfg
// TILES: .LBB{{[0-9_]+}}:
// TILES-NEXT: tilezero
// TILES-COUNT-3: {{[[:space:]]}}tilezero
// TILES-COUNT-4: {{[[:space:]]}}tileloadd
// TILES-NOT: {{[[:space:]]}}tileloadd
// TILES-COUNT-4: {{[[:space:]]}}tdpbssd
// TILES-COUNT-4: {{[[:space:]]}}tilestored
// TILES-NOT: {{tilestored|zmm[0-9]+, .*%rsp}}
// TILES-COUNT-64: {{[[:space:]]}}vcvtdq2ps {{.*\(.*\)}}, %zmm
// TILES-NOT: {{vcvtdq2ps|zmm[0-9]+, .*%rsp}}
// TILES-COUNT-4: {{[[:space:]]}}tilezero
// TILES-COUNT-4: {{[[:space:]]}}tdpbssd
// TILES-COUNT-4: {{[[:space:]]}}tilestored
// TILES-COUNT-64: {{[[:space:]]}}vcvtdq2ps {{.*\(.*\)}}, %zmm
// TILES-NOT: vpdpbusd
// TILES: tilerelease

// VECTORS-NOT: tile
// VECTORS: vpdpbusd {{.*}}%zmm
// VECTORS-NOT: tile

// 32 x 32 sums of 16 groups: 64 tiles take 24 cycles each to add up, and 16 to multiply, half of the products by zeros.
// REMARKS: [Passed] Blocks
// REMARKS-SAME: Remark="a product in groups, in tiles", Rows=32, Steps=16
// REMARKS: [Analysis] Roofline
// REMARKS-SAME: GroupCycles=1536,
// REMARKS-SAME: ProductCycles=1024,
// REMARKS: [Missed] NotInTiles
// REMARKS-SAME: "there are few rows", TileCycles=24, VectorCycles=88
// REMARKS: Remark="a product in groups",
// Groups of 8 terms leave most of a tile empty, which would pay for 32 rows, but not for 17. Groups of 16 terms pay.
// REMARKS: [Missed] NotInTiles
// REMARKS-SAME: "groups are too short for the rows that fill the last tile", TileCycles=24, VectorCycles=40
// REMARKS: Remark="a product in groups, in tiles"
// REMARKS: Remark="a product in groups, in tiles"
// REMARKS: [Missed] NotInTiles
// REMARKS-SAME: "the number of rows is unknown"

#a = affine_map<(m, n, g, k) -> (m, g, k)>
#b = affine_map<(m, n, g, k) -> (n, g, k)>
#c = affine_map<(m, n, g, k) -> (m, n, g)>
#s = affine_map<(m, n, g) -> (m, n, g)>
#t = affine_map<(m, n, g) -> (g, n)>
#o = affine_map<(m, n, g) -> (m, n)>

func.func @many_rows(%x: tensor<32x16x32xi8>) -> tensor<32x32xf32> {
  %w = arith.constant dense_resource<weights> : tensor<32x16x32xi8>
  %scales = arith.constant dense_resource<scales> : tensor<16x32xf32>
  %z = arith.constant 0 : i32
  %e = tensor.empty() : tensor<32x32x16xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<32x32x16xi32>) -> tensor<32x32x16xi32>
  %i = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<32x16x32xi8>, tensor<32x16x32xi8>) outs(%f : tensor<32x32x16xi32>) {
  ^bb0(%p: i8, %q: i8, %r: i32):
    %p32 = arith.extsi %p : i8 to i32
    %q32 = arith.extsi %q : i8 to i32
    %t = arith.muli %p32, %q32 : i32
    %u = arith.addi %r, %t : i32
    linalg.yield %u : i32
  } -> tensor<32x32x16xi32>
  %zf = arith.constant 0.0 : f32
  %ef = tensor.empty() : tensor<32x32xf32>
  %ff = linalg.fill ins(%zf : f32) outs(%ef : tensor<32x32xf32>) -> tensor<32x32xf32>
  %y = linalg.generic {indexing_maps = [#s, #t, #o], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%i, %scales : tensor<32x32x16xi32>, tensor<16x32xf32>) outs(%ff : tensor<32x32xf32>) {
  ^bb0(%v: i32, %scale: f32, %sum: f32):
    %vf = arith.sitofp %v : i32 to f32
    %scaled = arith.mulf %vf, %scale : f32
    %next = arith.addf %sum, %scaled : f32
    linalg.yield %next : f32
  } -> tensor<32x32xf32>
  return %y : tensor<32x32xf32>
}

func.func @few_rows(%x: tensor<8x16x32xi8>) -> tensor<8x32xf32> {
  %w = arith.constant dense_resource<weights> : tensor<32x16x32xi8>
  %scales = arith.constant dense_resource<scales> : tensor<16x32xf32>
  %z = arith.constant 0 : i32
  %e = tensor.empty() : tensor<8x32x16xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<8x32x16xi32>) -> tensor<8x32x16xi32>
  %i = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<8x16x32xi8>, tensor<32x16x32xi8>) outs(%f : tensor<8x32x16xi32>) {
  ^bb0(%p: i8, %q: i8, %r: i32):
    %p32 = arith.extsi %p : i8 to i32
    %q32 = arith.extsi %q : i8 to i32
    %t = arith.muli %p32, %q32 : i32
    %u = arith.addi %r, %t : i32
    linalg.yield %u : i32
  } -> tensor<8x32x16xi32>
  %zf = arith.constant 0.0 : f32
  %ef = tensor.empty() : tensor<8x32xf32>
  %ff = linalg.fill ins(%zf : f32) outs(%ef : tensor<8x32xf32>) -> tensor<8x32xf32>
  %y = linalg.generic {indexing_maps = [#s, #t, #o], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%i, %scales : tensor<8x32x16xi32>, tensor<16x32xf32>) outs(%ff : tensor<8x32xf32>) {
  ^bb0(%v: i32, %scale: f32, %sum: f32):
    %vf = arith.sitofp %v : i32 to f32
    %scaled = arith.mulf %vf, %scale : f32
    %next = arith.addf %sum, %scaled : f32
    linalg.yield %next : f32
  } -> tensor<8x32xf32>
  return %y : tensor<8x32xf32>
}

func.func @groups_of_8(%x: tensor<17x64x8xi8>) -> tensor<17x32xf32> {
  %w = arith.constant dense_resource<weights> : tensor<32x64x8xi8>
  %scales = arith.constant dense<0.5> : tensor<64x32xf32>
  %z = arith.constant 0 : i32
  %e = tensor.empty() : tensor<17x32x64xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<17x32x64xi32>) -> tensor<17x32x64xi32>
  %i = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<17x64x8xi8>, tensor<32x64x8xi8>) outs(%f : tensor<17x32x64xi32>) {
  ^bb0(%p: i8, %q: i8, %r: i32):
    %p32 = arith.extsi %p : i8 to i32
    %q32 = arith.extsi %q : i8 to i32
    %t = arith.muli %p32, %q32 : i32
    %u = arith.addi %r, %t : i32
    linalg.yield %u : i32
  } -> tensor<17x32x64xi32>
  %zf = arith.constant 0.0 : f32
  %ef = tensor.empty() : tensor<17x32xf32>
  %ff = linalg.fill ins(%zf : f32) outs(%ef : tensor<17x32xf32>) -> tensor<17x32xf32>
  %y = linalg.generic {indexing_maps = [#s, #t, #o], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%i, %scales : tensor<17x32x64xi32>, tensor<64x32xf32>) outs(%ff : tensor<17x32xf32>) {
  ^bb0(%v: i32, %scale: f32, %sum: f32):
    %vf = arith.sitofp %v : i32 to f32
    %scaled = arith.mulf %vf, %scale : f32
    %next = arith.addf %sum, %scaled : f32
    linalg.yield %next : f32
  } -> tensor<17x32xf32>
  return %y : tensor<17x32xf32>
}

func.func @groups_of_8_and_many_rows(%x: tensor<32x64x8xi8>) -> tensor<32x32xf32> {
  %w = arith.constant dense_resource<weights> : tensor<32x64x8xi8>
  %scales = arith.constant dense<0.5> : tensor<64x32xf32>
  %z = arith.constant 0 : i32
  %e = tensor.empty() : tensor<32x32x64xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<32x32x64xi32>) -> tensor<32x32x64xi32>
  %i = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<32x64x8xi8>, tensor<32x64x8xi8>) outs(%f : tensor<32x32x64xi32>) {
  ^bb0(%p: i8, %q: i8, %r: i32):
    %p32 = arith.extsi %p : i8 to i32
    %q32 = arith.extsi %q : i8 to i32
    %t = arith.muli %p32, %q32 : i32
    %u = arith.addi %r, %t : i32
    linalg.yield %u : i32
  } -> tensor<32x32x64xi32>
  %zf = arith.constant 0.0 : f32
  %ef = tensor.empty() : tensor<32x32xf32>
  %ff = linalg.fill ins(%zf : f32) outs(%ef : tensor<32x32xf32>) -> tensor<32x32xf32>
  %y = linalg.generic {indexing_maps = [#s, #t, #o], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%i, %scales : tensor<32x32x64xi32>, tensor<64x32xf32>) outs(%ff : tensor<32x32xf32>) {
  ^bb0(%v: i32, %scale: f32, %sum: f32):
    %vf = arith.sitofp %v : i32 to f32
    %scaled = arith.mulf %vf, %scale : f32
    %next = arith.addf %sum, %scaled : f32
    linalg.yield %next : f32
  } -> tensor<32x32xf32>
  return %y : tensor<32x32xf32>
}

func.func @groups_of_16(%x: tensor<17x32x16xi8>) -> tensor<17x32xf32> {
  %w = arith.constant dense_resource<weights> : tensor<32x32x16xi8>
  %scales = arith.constant dense<0.5> : tensor<32x32xf32>
  %z = arith.constant 0 : i32
  %e = tensor.empty() : tensor<17x32x32xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<17x32x32xi32>) -> tensor<17x32x32xi32>
  %i = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<17x32x16xi8>, tensor<32x32x16xi8>) outs(%f : tensor<17x32x32xi32>) {
  ^bb0(%p: i8, %q: i8, %r: i32):
    %p32 = arith.extsi %p : i8 to i32
    %q32 = arith.extsi %q : i8 to i32
    %t = arith.muli %p32, %q32 : i32
    %u = arith.addi %r, %t : i32
    linalg.yield %u : i32
  } -> tensor<17x32x32xi32>
  %zf = arith.constant 0.0 : f32
  %ef = tensor.empty() : tensor<17x32xf32>
  %ff = linalg.fill ins(%zf : f32) outs(%ef : tensor<17x32xf32>) -> tensor<17x32xf32>
  %y = linalg.generic {indexing_maps = [#s, #t, #o], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%i, %scales : tensor<17x32x32xi32>, tensor<32x32xf32>) outs(%ff : tensor<17x32xf32>) {
  ^bb0(%v: i32, %scale: f32, %sum: f32):
    %vf = arith.sitofp %v : i32 to f32
    %scaled = arith.mulf %vf, %scale : f32
    %next = arith.addf %sum, %scaled : f32
    linalg.yield %next : f32
  } -> tensor<17x32xf32>
  return %y : tensor<17x32xf32>
}

func.func @unknown_rows(%x: tensor<?x16x32xi8>) -> tensor<?x32xf32> {
  %first = arith.constant 0 : index
  %m = tensor.dim %x, %first : tensor<?x16x32xi8>
  %w = arith.constant dense_resource<weights> : tensor<32x16x32xi8>
  %scales = arith.constant dense_resource<scales> : tensor<16x32xf32>
  %z = arith.constant 0 : i32
  %e = tensor.empty(%m) : tensor<?x32x16xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<?x32x16xi32>) -> tensor<?x32x16xi32>
  %i = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x16x32xi8>, tensor<32x16x32xi8>) outs(%f : tensor<?x32x16xi32>) {
  ^bb0(%p: i8, %q: i8, %r: i32):
    %p32 = arith.extsi %p : i8 to i32
    %q32 = arith.extsi %q : i8 to i32
    %t = arith.muli %p32, %q32 : i32
    %u = arith.addi %r, %t : i32
    linalg.yield %u : i32
  } -> tensor<?x32x16xi32>
  %zf = arith.constant 0.0 : f32
  %ef = tensor.empty(%m) : tensor<?x32xf32>
  %ff = linalg.fill ins(%zf : f32) outs(%ef : tensor<?x32xf32>) -> tensor<?x32xf32>
  %y = linalg.generic {indexing_maps = [#s, #t, #o], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%i, %scales : tensor<?x32x16xi32>, tensor<16x32xf32>) outs(%ff : tensor<?x32xf32>) {
  ^bb0(%v: i32, %scale: f32, %sum: f32):
    %vf = arith.sitofp %v : i32 to f32
    %scaled = arith.mulf %vf, %scale : f32
    %next = arith.addf %sum, %scaled : f32
    linalg.yield %next : f32
  } -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

{-#
  dialect_resources: {
    builtin: {
      scales: "SCALES",
      weights: "WEIGHTS"
    }
  }
#-}
