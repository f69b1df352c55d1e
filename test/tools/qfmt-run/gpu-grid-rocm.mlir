// Kernels with more elements than threads, or an unknown number: without the device libraries of AMD's toolkit, of which they call nothing.
// RUN: qfmt-run %s --entry=large --gpu=rocm --emit=kernels -o - | FileCheck %s
// RUN: qfmt-run %s --entry=unknown --gpu=rocm --emit=kernels -o - | FileCheck %s
// RUN: qfmt-run %s --entry=product --gpu=rocm --emit=kernels -o - | FileCheck %s
// RUN: qfmt-run %s --entry=product --gpu=rocm --gpu-chip=gfx900 --emit=kernels -o - | FileCheck %s
// RUN: qfmt-run %s --entry=remainder --gpu=rocm --emit=kernels -o - | FileCheck %s
// CHECK-NOT: __oc
// CHECK: _kernel:
// CHECK-NOT: __oc
// CHECK: s_endpgm
// CHECK-NOT: __oc
func.func @large(%x: tensor<3000x3000xi8>) -> tensor<3000x3000xi8> {
  %r = arith.addi %x, %x : tensor<3000x3000xi8>
  return %r : tensor<3000x3000xi8>
}
func.func @unknown(%x: tensor<?xi32>, %y: tensor<?xi32>) -> tensor<?xi32> {
  %r = arith.addi %x, %y : tensor<?xi32>
  return %r : tensor<?xi32>
}
func.func @product(%x: tensor<?x36xi8>) -> tensor<?x4xi32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x36xi8>
  %zero = arith.constant 0 : i32
  %e = tensor.empty(%n) : tensor<?x4xi32>
  %z = linalg.fill ins(%zero : i32) outs(%e : tensor<?x4xi32>) -> tensor<?x4xi32>
  %w = arith.constant dense<-7> : tensor<36x4xi8>
  %r = linalg.matmul ins(%x, %w : tensor<?x36xi8>, tensor<36x4xi8>) outs(%z : tensor<?x4xi32>) -> tensor<?x4xi32>
  return %r : tensor<?x4xi32>
}
func.func @remainder(%x: tensor<7xf32>, %y: tensor<7xf16>) -> (tensor<7xf32>, tensor<7xf16>) {
  %a = arith.remf %x, %x : tensor<7xf32>
  %b = arith.remf %y, %y : tensor<7xf16>
  return %a, %b : tensor<7xf32>, tensor<7xf16>
}
