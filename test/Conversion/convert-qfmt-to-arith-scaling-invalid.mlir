// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --convert-qfmt-to-arith-scaling --split-input-file --verify-diagnostics

// expected-error @below {{'func.func' op has 'tensor<4xf32, #qfmt.scaled<i8>>'; arith scales builtin floats that are read as a wider f32 or bf16}}
func.func private @integer_format(tensor<4xf32, #qfmt.scaled<i8>>)

// -----

// expected-error @below {{'func.func' op has 'tensor<4xf32, #qfmt.scaled<f8E5M2, scale = f32>>'; arith has scales of f8E8M0FNU, which are powers of two}}
func.func private @scale_format(tensor<4xf32, #qfmt.scaled<f8E5M2, scale = f32>>)

// -----

// expected-error @below {{'func.func' op has 'tensor<4xf32, #qfmt.scaled<f8E5M2, scale = 3.000000e+00>>'; arith has scales of f8E8M0FNU, which are powers of two}}
func.func private @no_power_of_two(tensor<4xf32, #qfmt.scaled<f8E5M2, scale = 3.0>>)

// -----

// expected-error @below {{'func.func' op has a static scale and the dynamic shape of 'tensor<?xf32, #qfmt.scaled<f8E5M2, scale = 2.000000e+00>>', for which no constant can be made}}
func.func private @dynamic(tensor<?xf32, #qfmt.scaled<f8E5M2, scale = 2.0>>)

// -----

// expected-error @below {{'func.func' op has blocks of 32 in 'tensor<40xf32, #qfmt.scaled<f8E5M2, block = [32], scale = f8E8M0FNU>>', which are not whole in a static shape; pad it}}
func.func private @partial_block(tensor<40xf32, #qfmt.scaled<f8E5M2, block = [32], scale = f8E8M0FNU>>)

// -----

#q = #qfmt.scaled<f4E2M1FN, block = [32], scale = f8E8M0FNU>
func.func @scale_rule(%x: tensor<64xf32>) {
  // expected-error @below {{'qfmt.quantize' op chooses scales, which 'arith.scaling_truncf' takes; give them to 'qfmt.quantize'}}
  %0 = qfmt.quantize %x scale_rule = floor_log2 : tensor<64xf32> to tensor<64xf32, #q>
  return
}

// -----

#q = #qfmt.scaled<f4E2M1FN, scale = 2.0>
func.func @rounding(%x: tensor<64xf32>) {
  // expected-error @below {{'qfmt.quantize' op has a rounding mode that arith lacks}}
  %0 = qfmt.quantize %x rounding = half_up : tensor<64xf32> to tensor<64xf32, #q>
  return
}

// -----

#q = #qfmt.scaled<f4E2M1FN, scale = 2.0>
func.func @stochastic(%x: tensor<64xf32>) {
  // expected-error @below {{'qfmt.quantize' op has stochastic rounding that arith lacks}}
  %0 = qfmt.quantize %x stochastic = 3 : tensor<64xf32> to tensor<64xf32, #q>
  return
}

// -----

#q = #qfmt.scaled<f8E5M2, scale = 2.0>
func.func @overflow(%x: tensor<64xf32>) {
  // expected-error @below {{'qfmt.quantize' op has overflow = saturate, 'arith.scaling_truncf' is overflow = infinity for 'f8E5M2'}}
  %0 = qfmt.quantize %x nan = propagate : tensor<64xf32> to tensor<64xf32, #q>
  return
}

// -----

#q = #qfmt.scaled<f8E5M2, scale = 2.0>
func.func @nan(%x: tensor<64xf32>) {
  // expected-error @below {{'qfmt.quantize' op has nan = zero, 'arith.scaling_truncf' is nan = propagate}}
  %0 = qfmt.quantize %x overflow = infinity : tensor<64xf32> to tensor<64xf32, #q>
  return
}

// -----

#q = #qfmt.scaled<f8E5M2, scale = 2.0>
func.func @requantization(%x: tensor<64xf32, #q>) {
  // expected-error @below {{'qfmt.convert' op has encoded tensors and is not converted: put 'qfmt.dequantize' before it}}
  %0 = qfmt.convert %x : tensor<64xf32, #q> to tensor<64xf32, #q>
  return
}
