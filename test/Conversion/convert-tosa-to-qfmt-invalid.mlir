// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qfmt-opt %s --convert-tosa-to-qfmt --split-input-file --verify-diagnostics

func.func @wide_input(%x: tensor<2xi48>) -> tensor<2xi32> {
  %m = "tosa.const"() {values = dense<20000> : tensor<1xi16>} : () -> tensor<1xi16>
  %s = "tosa.const"() {values = dense<31> : tensor<1xi8>} : () -> tensor<1xi8>
  %iz = "tosa.const"() {values = dense<0> : tensor<1xi48>} : () -> tensor<1xi48>
  %oz = "tosa.const"() {values = dense<0> : tensor<1xi32>} : () -> tensor<1xi32>
  // expected-error @below {{'tosa.rescale' op has 'tensor<2xi48>', but qfmt.dyadic_scale takes integers of at most 32 bits}}
  %0 = tosa.rescale %x, %m, %s, %iz, %oz {scale32 = false, rounding_mode = SINGLE_ROUND, per_channel = false, input_unsigned = false, output_unsigned = false} : (tensor<2xi48>, tensor<1xi16>, tensor<1xi8>, tensor<1xi48>, tensor<1xi32>) -> tensor<2xi32>
  return %0 : tensor<2xi32>
}

// -----

func.func @zero_point_at_run_time(%x: tensor<2xi8>, %iz: tensor<1xi8>) -> tensor<2xi8> {
  %m = "tosa.const"() {values = dense<20000> : tensor<1xi16>} : () -> tensor<1xi16>
  %s = "tosa.const"() {values = dense<31> : tensor<1xi8>} : () -> tensor<1xi8>
  %oz = "tosa.const"() {values = dense<0> : tensor<1xi8>} : () -> tensor<1xi8>
  // expected-error @below {{'tosa.rescale' op has a run-time input zero point, which is not converted; make it a constant}}
  %0 = tosa.rescale %x, %m, %s, %iz, %oz {scale32 = false, rounding_mode = SINGLE_ROUND, per_channel = false, input_unsigned = false, output_unsigned = false} : (tensor<2xi8>, tensor<1xi16>, tensor<1xi8>, tensor<1xi8>, tensor<1xi8>) -> tensor<2xi8>
  return %0 : tensor<2xi8>
}

// -----

func.func @multiplier(%x: tensor<2xi8>) -> tensor<2xi8> {
  %m = "tosa.const"() {values = dense<-5> : tensor<1xi16>} : () -> tensor<1xi16>
  %s = "tosa.const"() {values = dense<31> : tensor<1xi8>} : () -> tensor<1xi8>
  %z = "tosa.const"() {values = dense<0> : tensor<1xi8>} : () -> tensor<1xi8>
  // expected-error @below {{'tosa.rescale' op has the multiplier -5, TOSA allows 0 to 2147483647}}
  %0 = tosa.rescale %x, %m, %s, %z, %z {scale32 = false, rounding_mode = SINGLE_ROUND, per_channel = false, input_unsigned = false, output_unsigned = false} : (tensor<2xi8>, tensor<1xi16>, tensor<1xi8>, tensor<1xi8>, tensor<1xi8>) -> tensor<2xi8>
  return %0 : tensor<2xi8>
}

// -----

func.func @shift(%x: tensor<2xi8>) -> tensor<2xi8> {
  %m = "tosa.const"() {values = dense<5> : tensor<1xi16>} : () -> tensor<1xi16>
  %s = "tosa.const"() {values = dense<1> : tensor<1xi8>} : () -> tensor<1xi8>
  %z = "tosa.const"() {values = dense<0> : tensor<1xi8>} : () -> tensor<1xi8>
  // expected-error @below {{'tosa.rescale' op has the shift 1, TOSA allows 2 to 62}}
  %0 = tosa.rescale %x, %m, %s, %z, %z {scale32 = false, rounding_mode = SINGLE_ROUND, per_channel = false, input_unsigned = false, output_unsigned = false} : (tensor<2xi8>, tensor<1xi16>, tensor<1xi8>, tensor<1xi8>, tensor<1xi8>) -> tensor<2xi8>
  return %0 : tensor<2xi8>
}

// -----

func.func @unranked(%x: tensor<*xi8>) -> tensor<*xi8> {
  %m = "tosa.const"() {values = dense<5> : tensor<1xi16>} : () -> tensor<1xi16>
  %s = "tosa.const"() {values = dense<12> : tensor<1xi8>} : () -> tensor<1xi8>
  %z = "tosa.const"() {values = dense<0> : tensor<1xi8>} : () -> tensor<1xi8>
  // expected-error @below {{'tosa.rescale' op is converted on ranked tensors of signless integers, found 'tensor<*xi8>'}}
  %0 = tosa.rescale %x, %m, %s, %z, %z {scale32 = false, rounding_mode = SINGLE_ROUND, per_channel = false, input_unsigned = false, output_unsigned = false} : (tensor<*xi8>, tensor<1xi16>, tensor<1xi8>, tensor<1xi8>, tensor<1xi8>) -> tensor<*xi8>
  return %0 : tensor<*xi8>
}

// -----

func.func @mxint8(%x: tensor<4x64xf32>) -> (tensor<4x64x!tosa.mxint8>, tensor<4x2xf8E8M0FNU>) {
  // expected-error @below {{'tosa.cast_to_block_scaled' op has elements of '!tosa.mxint8', which no operation but TOSA's own can read}}
  %0:2 = tosa.cast_to_block_scaled %x {block_size = BLOCK_SIZE_32} : (tensor<4x64xf32>) -> (tensor<4x64x!tosa.mxint8>, tensor<4x2xf8E8M0FNU>)
  return %0#0, %0#1 : tensor<4x64x!tosa.mxint8>, tensor<4x2xf8E8M0FNU>
}

// -----

func.func @dynamic(%x: tensor<?x64xf4E2M1FN>, %s: tensor<?x2xf8E8M0FNU>) -> tensor<?x64xf32> {
  // expected-error @below {{'tosa.cast_from_block_scaled' op is converted on tensors of static shape, found 'tensor<?x64xf4E2M1FN>'}}
  %0 = tosa.cast_from_block_scaled %x, %s {block_size = BLOCK_SIZE_32} : (tensor<?x64xf4E2M1FN>, tensor<?x2xf8E8M0FNU>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
