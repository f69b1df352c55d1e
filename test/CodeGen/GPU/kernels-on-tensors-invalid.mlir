// Kernels are made of operations on buffers with strides.
// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-products-to-kernels -qfmt-scaled-products-to-kernels
// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-set-gpu-target=chip=sm_75 -qfmt-products-to-dots -qfmt-scaled-products-to-kernels

func.func @product(%x: tensor<64x64xi8>, %w: tensor<64x64xi8>, %out: tensor<64x64xi32>) -> tensor<64x64xi32> {
  // expected-error @+1 {{works on tensors, and kernels on buffers, found 'tensor<64x64xi8>'; run one-shot-bufferize first}}
  %r = qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : tensor<64x64xi8>, tensor<64x64xi8>, tensor<64x64xi32> -> tensor<64x64xi32>
  return %r : tensor<64x64xi32>
}

// -----

func.func @scaled_product(%x: tensor<3x2x32xi8>, %c: tensor<1x1x32x4xi32>, %s: tensor<1x2x16xf32>, %out: tensor<3x3xf32>) -> tensor<3x3xf32> {
  // expected-error @+1 {{works on tensors, and kernels on buffers, found 'tensor<3x2x32xi8>'; run one-shot-bufferize first}}
  %r = qfmt_gpu.scaled_product %x * %c bits 4 scales %s : tensor<1x2x16xf32> into %out {
  ^bb0(%sum: f32):
    qfmt_gpu.yield %sum : f32
  } : tensor<3x2x32xi8>, tensor<1x1x32x4xi32>, tensor<3x3xf32> -> tensor<3x3xf32>
  return %r : tensor<3x3xf32>
}

// -----

func.func @chip(%x: memref<3x2x32xi8>, %c: memref<1x1x32x4xi32>, %s: memref<1x2x16xf32>, %out: memref<3x3xf32>) {
  // expected-error @+1 {{needs a target with mma.sync for bytes, sm_80 or newer; qfmt-set-gpu-target says which it is}}
  qfmt_gpu.scaled_product %x * %c bits 4 scales %s : memref<1x2x16xf32> into %out {
  ^bb0(%sum: f32):
    qfmt_gpu.yield %sum : f32
  } : memref<3x2x32xi8>, memref<1x1x32x4xi32>, memref<3x3xf32>
  return
}

// -----

func.func @layout(%x: memref<64x64xi8>, %w: memref<64x64xi8>, %out: memref<64x64xi32, affine_map<(a, b) -> (a mod 8, b)>>) {
  // expected-error @+1 {{needs buffers whose dimensions have strides, found 'memref<64x64xi32, affine_map<(d0, d1) -> (d0 mod 8, d1)>>'; copy it to one}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<64x64xi8>, memref<64x64xi8>, memref<64x64xi32, affine_map<(a, b) -> (a mod 8, b)>>
  return
}
