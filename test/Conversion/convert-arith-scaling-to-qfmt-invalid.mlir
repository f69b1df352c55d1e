// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --convert-arith-scaling-to-qfmt --split-input-file --verify-diagnostics

func.func @vectors(%x: vector<32xf4E2M1FN>, %s: vector<32xf8E8M0FNU>) -> vector<32xf32> {
  // expected-error @below {{'arith.scaling_extf' op is on 'vector<32xf4E2M1FN>', only ranked tensors have formats; write scalars and vectors with 'qfmt-expand-arith'}}
  %0 = arith.scaling_extf %x, %s : vector<32xf4E2M1FN>, vector<32xf8E8M0FNU> to vector<32xf32>
  return %0 : vector<32xf32>
}

// -----

func.func @scale_type(%x: tensor<32xf32>, %s: tensor<32xf32>) -> tensor<32xf4E2M1FN> {
  // expected-error @below {{'arith.scaling_truncf' op has scales of 'f32', whose rounding to f8E8M0FNU arith leaves open; use 'arith.truncf' first}}
  %0 = arith.scaling_truncf %x, %s : tensor<32xf32>, tensor<32xf32> to tensor<32xf4E2M1FN>
  return %0 : tensor<32xf4E2M1FN>
}

// -----

func.func @half_precision(%x: tensor<32xf4E2M1FN>, %s: tensor<32xf8E8M0FNU>) -> tensor<32xf16> {
  // expected-error @below {{'arith.scaling_extf' op computes in 'f16', in which not all scales are exact; use f32 or bf16}}
  %0 = arith.scaling_extf %x, %s : tensor<32xf4E2M1FN>, tensor<32xf8E8M0FNU> to tensor<32xf16>
  return %0 : tensor<32xf16>
}
