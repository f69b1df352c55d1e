// RUN: qfmt-opt %s --split-input-file --verify-diagnostics

func.func @sums(%a: memref<64x768xi8>, %b: memref<4x12x16x64xi8>, %c: memref<8x32xi32>, %i: index) {
  // expected-error @+1 {{computes 16 or 32 rows and columns, found 'memref<8x32xi32>'}}
  qfmt_cpu.tile_product %a[%i, %i] * %b[%i, %i] for %i into %c : memref<64x768xi8>, memref<4x12x16x64xi8>, memref<8x32xi32>
  return
}

// -----

func.func @tiles(%a: memref<64x768xi8>, %b: memref<4x12x8x64xi8>, %c: memref<32x32xi32>, %i: index) {
  // expected-error @+1 {{needs tiles of 16 x 64 bytes, found 'memref<4x12x8x64xi8>'}}
  qfmt_cpu.tile_product %a[%i, %i] * %b[%i, %i] for %i into %c : memref<64x768xi8>, memref<4x12x8x64xi8>, memref<32x32xi32>
  return
}

// -----

func.func @rows(%a: memref<64x768xi8>, %b: memref<4x12x32xi8>, %c: memref<32x32xi32>, %i: index) {
  // expected-error @+1 {{needs rows of 64 bytes, found 'memref<4x12x32xi8>'}}
  qfmt_cpu.tile_product %a[%i, %i] * %b[%i, %i] for %i into %c : memref<64x768xi8>, memref<4x12x32xi8>, memref<32x32xi32>
  return
}

// -----

func.func @buffers(%a: memref<64x768xi8>, %b: tensor<4x12x16x64xi8>, %c: memref<32x32xi32>, %i: index) {
  // expected-error @+1 {{works on tensors or on buffers, found both}}
  qfmt_cpu.tile_product %a[%i, %i] * %b[%i, %i] for %i into %c : memref<64x768xi8>, tensor<4x12x16x64xi8>, memref<32x32xi32>
  return
}
