// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-set-gpu-target=chip=sm_75 -qfmt-products-to-dots

func.func @batches(%x: memref<32x64xi8>, %y: memref<2x32x64xi8>, %out: memref<32x32xi32>) {
  // expected-error @+1 {{multiplies two variables, which is for tensor cores; choose a chip that has them, sm_80 or newer}}
  qfmt_gpu.product %x * %y into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<32x64xi8>, memref<2x32x64xi8>, memref<32x32xi32>
  return
}

// -----

func.func @float8(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xf32>) {
  // expected-error @+1 {{multiplies codes of fp8, which is for tensor cores; choose a chip that has them, sm_80 or newer}}
  qfmt_gpu.product %x as f8E4M3FN * %w as f8E5M2 into %out {
  ^bb0(%s: f32):
    qfmt_gpu.yield %s : f32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xf32>
  return
}
