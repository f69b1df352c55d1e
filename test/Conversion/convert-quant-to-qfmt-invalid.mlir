// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --convert-quant-to-qfmt --split-input-file --verify-diagnostics

func.func @scalar(%x: f32) -> f32 {
  // expected-error @below {{'quant.qcast' op has the quantized type '!quant.uniform<i8:f32, 1.000000e+00>'; only ranked tensors of quantized elements are converted}}
  %0 = quant.qcast %x : f32 to !quant.uniform<i8:f32, 1.0>
  %1 = quant.dcast %0 : !quant.uniform<i8:f32, 1.0> to f32
  return %1 : f32
}

// -----

// expected-error @below {{'func.func' op has the quantized type 'tensor<*x!quant.uniform<i8:f32, 1.000000e+00>>'}}
func.func @unranked(%x: tensor<*x!quant.uniform<i8:f32, 1.0>>) {
  return
}

// -----

func.func @wide_storage(%x: tensor<4xf32>) {
  // expected-error @below {{'quant.qcast' op integer formats have}}
  %0 = quant.qcast %x : tensor<4xf32> to tensor<4x!quant.uniform<i24:f32, 1.0>>
  return
}

// -----

// expected-error @below {{'func.func' op element type '!quant.calibrated<f32<-0.998:1.232100e+00>>' gives no scale; write it as !quant.uniform}}
func.func @calibrated(%x: tensor<4x!quant.calibrated<f32<-0.998:1.2321>>>) {
  return
}

// -----

// expected-error @below {{'func.func' op expressed type must be f16, bf16, f32 or f64, found 'tf32'}}
func.func @expressed_type(%x: tensor<4x!quant.uniform<i8:tf32, 1.0>>) {
  return
}

// -----

// expected-error @below {{'func.func' op scale 0.1 of several is not exact in f32, the widest format of scales; use one scale or round it}}
func.func @f64_scales(%x: tensor<2x!quant.uniform<i8:f64:0, {0.1, 0.5}>>) {
  return
}

// -----

// expected-error @below {{'func.func' op zero point 200 is not a value of 'i8' (-128 to 127)}}
func.func @zero_point(%x: tensor<2x!quant.uniform<i8:f32, 1.0:200>>) {
  return
}

// -----

// expected-error @below {{'func.func' op zero point 200 is not a value of 'i8'}}
func.func @zero_points(%x: tensor<2x!quant.uniform<i8:f32:0, {1.0:200, 1.0}>>) {
  return
}

// -----

// expected-error @below {{'func.func' op dimension 0 of size 3 has 3 blocks of 1, but 2 scales}}
func.func @scale_count(%x: tensor<3x!quant.uniform<i8:f32:0, {1.0, 2.0}>>) {
  return
}

// -----

// expected-error @below {{'func.func' op quantized dimension 2 is beyond a tensor of rank 1}}
func.func @dimension(%x: tensor<3x!quant.uniform<i8:f32:2, {1.0, 2.0}>>) {
  return
}

// -----

!q = !quant.uniform<i8:f32, 1.0>
func.func @arithmetic(%x: tensor<4x!q>, %init: tensor<4x!q>) -> tensor<4x!q> {
  // expected-error @below {{'linalg.map' op has quantized types and is not converted: put 'quant.dcast' before it and 'quant.qcast' after it}}
  %0 = linalg.map ins(%x : tensor<4x!q>) outs(%init : tensor<4x!q>) (%a: !q, %b: !q) { linalg.yield %a : !q }
  return %0 : tensor<4x!q>
}

// -----

!q = !quant.uniform<i8:f32:0, {1.0, 2.0}>
func.func @move_with_scales(%x: tensor<2x4x!q>) -> tensor<2x2x!q> {
  // expected-error @below {{'tensor.extract_slice' op moves elements of 'tensor<2x4x!quant.uniform<i8:f32:0, {1.000000e+00,2.000000e+00}>>', whose scales lie at places of the tensor; move what 'quant.scast' gives}}
  %0 = tensor.extract_slice %x[0, 0] [2, 2] [1, 1] : tensor<2x4x!q> to tensor<2x2x!q>
  return %0 : tensor<2x2x!q>
}
