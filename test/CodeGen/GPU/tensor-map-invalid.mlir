// RUN: qfmt-opt %s -split-input-file -verify-diagnostics

func.func @rows(%x: memref<4x24xi8>) {
  // expected-error @+1 {{needs rows that begin at multiples of 16 bytes, found 'memref<4x24xi8>'}}
  %map = qfmt_gpu.tensor_map %x box [4, 16] : memref<4x24xi8>
  return
}

// -----

func.func @box(%x: memref<4x32xi8>) {
  // expected-error @+1 {{needs a box of 1 to 256 rows of 16 to 128 bytes, a multiple of 16, found [257, 16]}}
  %map = qfmt_gpu.tensor_map %x box [257, 16] : memref<4x32xi8>
  return
}
