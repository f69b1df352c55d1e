// qfmt_gpu.product on tensors and on buffers.

// RUN: qfmt-opt %s | qfmt-opt | FileCheck %s
// RUN: qfmt-opt %s --mlir-print-op-generic | qfmt-opt | FileCheck %s
// RUN: qfmt-opt %s --one-shot-bufferize=bufferize-function-boundaries | FileCheck %s --check-prefix=BUFFER

#col = affine_map<(m, n) -> (n)>
#id = affine_map<(m, n) -> (m, n)>

// CHECK-LABEL: @tensors
// CHECK: qfmt_gpu.product %{{.*}} unsigned * %{{.*}} with %{{.*}}, %{{.*}} : tensor<32xi32>, tensor<?x32xi8> maps [#{{.*}}, #{{.*}}] into %{{.*}} {
// CHECK: ^bb0(%{{.*}}: i32, %{{.*}}: i32, %{{.*}}: i8):
// CHECK: qfmt_gpu.yield %{{.*}} : i8
// CHECK: } : tensor<?x60xi8>, tensor<32x64xi8>, tensor<?x32xi8> -> tensor<?x32xi8>

// What is read is not copied, and the result is not read.
// BUFFER-LABEL: @tensors
// BUFFER-NOT: memref.copy
// BUFFER: memref.alloc
// BUFFER-NOT: memref.alloc
// BUFFER: qfmt_gpu.product
// BUFFER: } : memref<?x60xi8, strided<[?, ?], offset: ?>>, memref<32x64xi8{{.*}}>, memref<?x32xi8>
// BUFFER-NOT: memref.copy
func.func @tensors(%x: tensor<?x60xi8>, %w: tensor<32x64xi8>, %b: tensor<32xi32>, %a: tensor<?x32xi8>, %m: index) -> tensor<?x32xi8> {
  %out = tensor.empty(%m) : tensor<?x32xi8>
  %r = qfmt_gpu.product %x unsigned * %w with %b, %a : tensor<32xi32>, tensor<?x32xi8> maps [#col, #id] into %out {
  ^bb0(%s: i32, %column: i32, %addend: i8):
    %0 = arith.addi %s, %column : i32
    %1 = arith.trunci %0 : i32 to i8
    %2 = arith.addi %1, %addend : i8
    qfmt_gpu.yield %2 : i8
  } : tensor<?x60xi8>, tensor<32x64xi8>, tensor<?x32xi8> -> tensor<?x32xi8>
  return %r : tensor<?x32xi8>
}

// CHECK-LABEL: @buffers
// CHECK: qfmt_gpu.product %{{.*}} * %{{.*}} unsigned into %{{.*}} {
// CHECK: } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xi32>{{$}}
func.func @buffers(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xi32>) {
  qfmt_gpu.product %x * %w unsigned into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xi32>
  return
}
