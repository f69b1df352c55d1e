// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Networks whose channels cannot be changed, or not be verified, without harm.
// RUN: split-file %s %t
// RUN: not qfmt-opt %t/empty.mlir -qfmt-rotate-channels 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not qfmt-opt %t/half.mlir -qfmt-rotate-channels=verify-equivalence -o %t/out.mlir 2>&1 | FileCheck %s --check-prefix=HALF
// RUN: not ls %t/out.mlir
// RUN: qfmt-opt %t/half.mlir -qfmt-rotate-channels -o %t/out.mlir 2>&1 | FileCheck %s --check-prefix=UNVERIFIED
// RUN: not qfmt-opt %t/encoding.mlir -qfmt-rotate-channels 2>&1 | FileCheck %s --check-prefix=ENCODING

// No channels.
// EMPTY: error: qfmt-rotate-channels: finds no layers
//--- empty.mlir
func.func @main(%x: tensor<1x0xf32>) -> tensor<1x3xf32> {
  %w = arith.constant dense<> : tensor<0x3xf32>
  %z = arith.constant dense<0.0> : tensor<1x3xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x0xf32>, tensor<0x3xf32>) outs(%z : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}

// Results would not be doubles.
// HALF: error: 'func.func' op has arguments or results of floats narrower than f32, on which equivalence cannot be verified
// UNVERIFIED: remark: rotate-channels: rotation of 2 channels, folded into 1 operations, 1 added
//--- half.mlir
func.func @main(%h: tensor<1x2xf16>) -> tensor<1x3xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %z = arith.constant dense<0.0> : tensor<1x3xf32>
  %e = tensor.empty() : tensor<1x2xf32>
  %x = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b)>, affine_map<(a, b) -> (a, b)>], iterator_types = ["parallel", "parallel"]}
      ins(%h : tensor<1x2xf16>) outs(%e : tensor<1x2xf32>) {
  ^bb0(%a: f16, %o: f32):
    %b = arith.extf %a : f16 to f32
    linalg.yield %b : f32
  } -> tensor<1x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x3xf32>) outs(%z : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}

// What an encoding means is not known.
// ENCODING: error: qfmt-rotate-channels: finds no layers
//--- encoding.mlir
func.func @main(%x: tensor<1x2xf32, "other">) -> tensor<1x3xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %z = arith.constant dense<0.0> : tensor<1x3xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x2xf32, "other">, tensor<2x3xf32>) outs(%z : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}
