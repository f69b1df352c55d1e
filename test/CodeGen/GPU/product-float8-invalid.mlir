// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-set-gpu-target=chip=sm_90a -qfmt-products-to-kernels

func.func @one(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xf32>) {
  // expected-error @+1 {{needs f8E4M3FN or f8E5M2 as the formats of both factors or none, found 'none'}}
  qfmt_gpu.product %x as f8E4M3FN * %w into %out {
  ^bb0(%s: f32):
    qfmt_gpu.yield %s : f32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xf32>
  return
}

// -----

func.func @format(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xf32>) {
  // expected-error @+1 {{needs f8E4M3FN or f8E5M2 as the formats of both factors or none, found 'f8E3M4'}}
  qfmt_gpu.product %x as f8E4M3FN * %w as f8E3M4 into %out {
  ^bb0(%s: f32):
    qfmt_gpu.yield %s : f32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xf32>
  return
}

// -----

func.func @codes(%x: memref<16x64xf16>, %w: memref<32x64xi8>, %out: memref<16x32xf32>) {
  // expected-error @+1 {{needs bytes as codes of fp8, found 'memref<16x64xf16>'}}
  qfmt_gpu.product %x as f8E4M3FN * %w as f8E5M2 into %out {
  ^bb0(%s: f32):
    qfmt_gpu.yield %s : f32
  } : memref<16x64xf16>, memref<32x64xi8>, memref<16x32xf32>
  return
}

// -----

func.func @unsigned(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xf32>) {
  // expected-error @+1 {{has codes of fp8, which are not unsigned, and whose rows are those of a matrix}}
  qfmt_gpu.product %x unsigned as f8E4M3FN * %w as f8E5M2 into %out {
  ^bb0(%s: f32):
    qfmt_gpu.yield %s : f32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xf32>
  return
}

// -----

func.func @sums(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{has sums of f32, found 'i32'}}
  qfmt_gpu.product %x as f8E4M3FN * %w as f8E5M2 into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xi32>
  return
}

// -----

func.func @tier(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xf32>) {
  // expected-error @+1 {{multiplies 'f8E4M3FN' by 'f8E5M2', for which there is wgmma alone: tier=wgmma has not asked for it}}
  qfmt_gpu.product %x as f8E4M3FN * %w as f8E5M2 into %out {
  ^bb0(%s: f32):
    qfmt_gpu.yield %s : f32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xf32>
  return
}
