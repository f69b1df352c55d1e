// Two layers in 16-bit fixed point, integer-only. Weights are constants, the first argument may hold any code, the second layer reads codes
// that were clamped to the narrow range.
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false},canonicalize,cse,qfmt-verify-level{level=integer})' -o %t.wide.mlir
// RUN: qfmt-opt %t.wide.mlir -qfmt-split-accumulators -canonicalize -o %t.chains.mlir
// RUN: qfmt-opt %t.chains.mlir -pass-pipeline='builtin.module(qfmt-verify-level{level=integer},qfmt-decompose,qfmt-verify-integer-only{division=forbid})' -o /dev/null
// RUN: FileCheck %s --check-prefix=CHAINS --input-file=%t.chains.mlir
// RUN: %npy make %t.x.npy "<i2" 2x6 32767 -32768 32767 -32768 32767 -32768 1 2 3 -4 5 -6
// RUN: qfmt-run %t.wide.mlir --engine=reference --inputs=%t.x.npy --outputs=%t.wide.npy
// RUN: qfmt-run %t.chains.mlir --engine=reference --inputs=%t.x.npy --outputs=%t.reference.npy
// RUN: qfmt-run %t.chains.mlir --inputs=%t.x.npy --outputs=%t.jit.npy
// RUN: qfmt-run %t.chains.mlir -O=0 --inputs=%t.x.npy --outputs=%t.jit0.npy
// RUN: %npy print %t.wide.npy | FileCheck %s
// RUN: %npy print %t.reference.npy | FileCheck %s
// RUN: %npy print %t.jit.npy | FileCheck %s
// RUN: %npy print %t.jit0.npy | FileCheck %s

#dfp = #qfmt.scaled<!qfmt.int<i16, -32767, 32767>, scale = 1.0>
#down = #qfmt.scaled<!qfmt.int<i16, -32767, 32767>, scale = 131072.0>
#out = #qfmt.scaled<!qfmt.int<i16, -32767, 32767>, scale = 17179869184.0>
// CHECK: <i2 (2, 2) 24575 25 3 0

// 6 terms, 3 chains of 2; then 3 terms, a chain of 2 and a rest.
// CHAINS: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x3x2xi16>, tensor<3x2x3xi16>) outs(%{{.*}} : tensor<3x2x3xi32>)
// CHAINS: linalg.generic {{.*}} ins(%{{.*}} : tensor<3x2x3xi32>) outs(%{{.*}} : tensor<2x3xi64>)
// CHAINS: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x2xi16>, tensor<2x2xi16>) outs(%{{.*}} : tensor<2x2xi32>)
// CHAINS: linalg.generic {{.*}} ins(%{{.*}} : tensor<2x2xi32>) outs(%{{.*}} : tensor<2x2xi64>)
// CHAINS: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x1xi16>, tensor<1x2xi16>) outs(%{{.*}} : tensor<2x2xi32>)
func.func @main(%x: tensor<2x6xf32, #dfp>) -> tensor<2x2xf32, #out> {
  %c1 = arith.constant dense<[[32767, -32767, 32767], [-32767, 32767, -32766], [32767, -32767, 32767], [-32767, 32767, -32767], [32767, -32767, 5], [-32767, 32767, -32767]]> : tensor<6x3xi16>
  %c2 = arith.constant dense<[[32767, 32767], [-32767, 32767], [32767, 100]]> : tensor<3x2xi16>
  %w1 = qfmt.assemble %c1 : tensor<6x3xi16> to tensor<6x3xf32, #dfp>
  %w2 = qfmt.assemble %c2 : tensor<3x2xi16> to tensor<3x2xf32, #dfp>
  %zero = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x3xf32>
  %z1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<2x3xf32>) -> tensor<2x3xf32>
  %0 = linalg.matmul ins(%x, %w1 : tensor<2x6xf32, #dfp>, tensor<6x3xf32, #dfp>) outs(%z1 : tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = qfmt.quantize %0 : tensor<2x3xf32> to tensor<2x3xf32, #down>
  %e2 = tensor.empty() : tensor<2x2xf32>
  %z2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = linalg.matmul ins(%1, %w2 : tensor<2x3xf32, #down>, tensor<3x2xf32, #dfp>) outs(%z2 : tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = qfmt.quantize %2 : tensor<2x2xf32> to tensor<2x2xf32, #out>
  return %3 : tensor<2x2xf32, #out>
}
