// Text and bytecode carry every type, attribute and operation unchanged.
//
// RUN: qfmt-opt %s --verify-roundtrip | FileCheck %s
// RUN: qfmt-opt %s | qfmt-opt | FileCheck %s
// RUN: qfmt-opt %s --mlir-print-op-generic | qfmt-opt | FileCheck %s
// RUN: qfmt-opt %s --emit-bytecode | qfmt-opt | FileCheck %s
// RUN: qfmt-opt %s --mlir-print-local-scope | FileCheck %s --check-prefix=LONG

//===----------------------------------------------------------------------===//
// Aliases: they come first, each encoding once
//===----------------------------------------------------------------------===//

// CHECK-DAG: #[[STATIC:q_i8[_0-9]*]] = #qfmt.scaled<i8, scale = 2.350000e-02, zero_point = 3>
// CHECK-DAG: #[[ROWS:q_i8[_0-9]*]] = #qfmt.scaled<i8, block = [1, *], scale = f32>
// CHECK-DAG: #[[GROUPS:q_i4[_0-9]*]] = #qfmt.scaled<i4, block = [1, 32], scale = f16, zero_point = i4>
// CHECK-DAG: #[[MXFP4:mxfp4[_0-9]*]] = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>
// CHECK-DAG: #[[MXFP6:mxfp6[_0-9]*]] = #qfmt.scaled<f6E2M3FN, block = [1, 32], scale = f8E8M0FNU>
// CHECK-DAG: #[[MXFP8:mxfp8[_0-9]*]] = #qfmt.scaled<f8E4M3FN, block = [1, 32], scale = f8E8M0FNU>
// CHECK-DAG: #[[INNER:q_f8E4M3FN[_0-9]*]] = #qfmt.scaled<f8E4M3FN, scale = f32>
// CHECK-DAG: #[[NVFP4:nvfp4[_0-9]*]] = #qfmt.scaled<f4E2M1FN, block = [1, 16], scale = #[[INNER]]>
// CHECK-DAG: #[[DFP:q_i16[_0-9]*]] = #qfmt.scaled<i16, scale = f8E8M0FNU>
// CHECK-DAG: #[[MINI:q_qfmtfloat3m4[_0-9]*]] = #qfmt.scaled<!qfmt.float<3, 4>>

//===----------------------------------------------------------------------===//
// Encodings
//===----------------------------------------------------------------------===//

// CHECK: @per_tensor_static(tensor<64x64xf32, #[[STATIC]]>)
// LONG: @per_tensor_static(tensor<64x64xf32, #qfmt.scaled<i8, scale = 2.350000e-02, zero_point = 3>>)
func.func private @per_tensor_static(tensor<64x64xf32, #qfmt.scaled<i8, scale = 0.0235, zero_point = 3>>)

// CHECK: @per_row(tensor<64x64xf32, #[[ROWS]]>)
func.func private @per_row(tensor<64x64xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>)

// CHECK: @group_wise_asymmetric(tensor<64x64xf16, #[[GROUPS]]>)
func.func private @group_wise_asymmetric(tensor<64x64xf16, #qfmt.scaled<i4, block = [1, 32], scale = f16, zero_point = i4>>)

// CHECK: @mx(tensor<64x64xf32, #[[MXFP4]]>, tensor<64x64xf32, #[[MXFP6]]>, tensor<64x64xbf16, #[[MXFP8]]>)
func.func private @mx(tensor<64x64xf32, #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>>,
                      tensor<64x64xf32, #qfmt.scaled<f6E2M3FN, block = [1, 32], scale = f8E8M0FNU>>,
                      tensor<64x64xbf16, #qfmt.scaled<f8E4M3FN, block = [1, 32], scale = f8E8M0FNU>>)

// The scale of a scale; its blocks refer to the scale tensor's shape.
// CHECK: @nvfp4(tensor<64x64xf32, #[[NVFP4]]>)
// LONG: @nvfp4(tensor<64x64xf32, #qfmt.scaled<f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, scale = f32>>>)
func.func private @nvfp4(tensor<64x64xf32, #qfmt.scaled<f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, scale = f32>>>)

// CHECK: @dynamic_fixed_point(tensor<64x64xf64, #[[DFP]]>)
func.func private @dynamic_fixed_point(tensor<64x64xf64, #qfmt.scaled<i16, scale = f8E8M0FNU>>)

// CHECK: @minifloat(tensor<64x64xf32, #[[MINI]]>)
func.func private @minifloat(tensor<64x64xf32, #qfmt.scaled<!qfmt.float<3, 4>>>)

// LONG: @dynamic_shape(tensor<?x64xf32, #qfmt.scaled<i8, block = [*, 5], scale = bf16>>)
func.func private @dynamic_shape(tensor<?x64xf32, #qfmt.scaled<i8, block = [*, 5], scale = bf16>>)

// LONG: @rank_zero(tensor<f32, #qfmt.scaled<ui8, scale = f32, zero_point = ui8>>)
func.func private @rank_zero(tensor<f32, #qfmt.scaled<ui8, scale = f32, zero_point = ui8>>)

//===----------------------------------------------------------------------===//
// Normal form (C4)
//===----------------------------------------------------------------------===//

// LONG: @c4_defaults_are_omitted(tensor<4x4xf32, #qfmt.scaled<i8>>, tensor<4x4xf32, #qfmt.scaled<i8, scale = f32>>)
func.func private @c4_defaults_are_omitted(tensor<4x4xf32, #qfmt.scaled<i8, block = [*, *], scale = 1.0, zero_point = 0>>,
                                           tensor<4x4xf32, #qfmt.scaled<i8, block = [*, *], scale = f32>>)

// Keys come in any order.
// LONG: @c4_order(tensor<4x4xf32, #qfmt.scaled<i8, block = [2, *], scale = f32, zero_point = -7>>)
func.func private @c4_order(tensor<4x4xf32, #qfmt.scaled<i8, zero_point = -7, scale = f32, block = [2, *]>>)

// A scale may be written as an integer, and as the bits of an f64.
// LONG: @c4_scale_literals(tensor<4xf32, #qfmt.scaled<i8, scale = 2.000000e+00>>, tensor<4xf32, #qfmt.scaled<i8, scale = 5.000000e-01>>)
func.func private @c4_scale_literals(tensor<4xf32, #qfmt.scaled<i8, scale = 2>>,
                                     tensor<4xf32, #qfmt.scaled<i8, scale = 0x3FE0000000000000>>)

// The printer falls back to the bits where a decimal number would lose some.
// LONG: @c4_exact_scale(tensor<4xf32, #qfmt.scaled<i8, scale = 0x41DFF00000000000>>, tensor<4xf64, #qfmt.scaled<i8, scale = 0.30000000000000004>>)
func.func private @c4_exact_scale(tensor<4xf32, #qfmt.scaled<i8, scale = 2143289344.0>>,
                                  tensor<4xf64, #qfmt.scaled<i8, scale = 0.30000000000000004>>)

//===----------------------------------------------------------------------===//
// Number formats
//===----------------------------------------------------------------------===//

// LONG: @integers(tensor<1xf32, #qfmt.scaled<i2>>, tensor<1xf32, #qfmt.scaled<ui2>>, tensor<1xf32, #qfmt.scaled<i16>>, tensor<1xf32, #qfmt.scaled<ui16>>)
func.func private @integers(tensor<1xf32, #qfmt.scaled<i2>>, tensor<1xf32, #qfmt.scaled<ui2>>,
                            tensor<1xf32, #qfmt.scaled<i16>>, tensor<1xf32, #qfmt.scaled<ui16>>)

// LONG: @floats(tensor<1xf32, #qfmt.scaled<f4E2M1FN>>, tensor<1xf32, #qfmt.scaled<f6E2M3FN>>, tensor<1xf32, #qfmt.scaled<f6E3M2FN>>, tensor<1xf32, #qfmt.scaled<f8E3M4>>, tensor<1xf32, #qfmt.scaled<f8E4M3>>, tensor<1xf32, #qfmt.scaled<f8E4M3FN>>, tensor<1xf32, #qfmt.scaled<f8E4M3FNUZ>>, tensor<1xf32, #qfmt.scaled<f8E4M3B11FNUZ>>, tensor<1xf32, #qfmt.scaled<f8E5M2>>, tensor<1xf32, #qfmt.scaled<f8E5M2FNUZ>>, tensor<1xf32, #qfmt.scaled<f8E8M0FNU>>, tensor<1xf32, #qfmt.scaled<f16>>, tensor<1xf32, #qfmt.scaled<bf16>>, tensor<1xf32, #qfmt.scaled<f32>>)
func.func private @floats(
  tensor<1xf32, #qfmt.scaled<f4E2M1FN>>, tensor<1xf32, #qfmt.scaled<f6E2M3FN>>, tensor<1xf32, #qfmt.scaled<f6E3M2FN>>,
  tensor<1xf32, #qfmt.scaled<f8E3M4>>, tensor<1xf32, #qfmt.scaled<f8E4M3>>, tensor<1xf32, #qfmt.scaled<f8E4M3FN>>,
  tensor<1xf32, #qfmt.scaled<f8E4M3FNUZ>>, tensor<1xf32, #qfmt.scaled<f8E4M3B11FNUZ>>, tensor<1xf32, #qfmt.scaled<f8E5M2>>,
  tensor<1xf32, #qfmt.scaled<f8E5M2FNUZ>>, tensor<1xf32, #qfmt.scaled<f8E8M0FNU>>, tensor<1xf32, #qfmt.scaled<f16>>,
  tensor<1xf32, #qfmt.scaled<bf16>>, tensor<1xf32, #qfmt.scaled<f32>>)

// LONG: @minifloat_limits(tensor<1xf32, #qfmt.scaled<!qfmt.float<1, 0>>>, tensor<1xf32, #qfmt.scaled<!qfmt.float<5, 10>>>)
func.func private @minifloat_limits(tensor<1xf32, #qfmt.scaled<!qfmt.float<1, 0>>>, tensor<1xf32, #qfmt.scaled<!qfmt.float<5, 10>>>)

// A type by itself, without a tensor.
// CHECK: @types(!qfmt.float<2, 5>) attributes {format = !qfmt.float<7, 0>}
func.func private @types(!qfmt.float<2, 5>) attributes {format = !qfmt.float<7, 0>}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

!half = tensor<4xf32, #qfmt.scaled<i8, scale = 0.5>>
!rows = tensor<16x9xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>
!asym = tensor<16x9xf32, #qfmt.scaled<i8, block = [1, 4], scale = f32, zero_point = i8>>
!nv = tensor<4x32xf32, #qfmt.scaled<f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, scale = f32>>>
!mx = tensor<4x32xf32, #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>>

// CHECK-LABEL: func.func @quantize
// LONG-LABEL: func.func @quantize
func.func @quantize(%x: tensor<4xf32>, %y: tensor<4x32xf32>) {
  // Defaults are not printed, whether they were written or not.
  // LONG: qfmt.quantize %{{.*}} : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8, scale = 5.000000e-01>>
  %0 = qfmt.quantize %x : tensor<4xf32> to !half
  // LONG: qfmt.quantize %{{.*}} : tensor<4xf32> to
  %1 = qfmt.quantize %x rounding = half_even overflow = saturate nan = zero scale_rule = absmax : tensor<4xf32> to !half
  // CHECK: qfmt.quantize %{{.*}} rounding = half_away overflow = wrap : tensor<4xf32>
  %2 = qfmt.quantize %x rounding = half_away overflow = wrap : tensor<4xf32> to !half
  // CHECK: qfmt.quantize %{{.*}} rounding = half_up overflow = infinity nan = propagate : tensor<4xf32>
  %3 = qfmt.quantize %x rounding = half_up overflow = infinity nan = propagate : tensor<4xf32> to !half
  // CHECK: qfmt.quantize %{{.*}} rounding = toward_zero :
  %4 = qfmt.quantize %x rounding = toward_zero : tensor<4xf32> to !half
  // CHECK: qfmt.quantize %{{.*}} rounding = floor :
  %5 = qfmt.quantize %x rounding = floor : tensor<4xf32> to !half
  // CHECK: qfmt.quantize %{{.*}} rounding = ceil :
  %6 = qfmt.quantize %x rounding = ceil : tensor<4xf32> to !half
  // CHECK: qfmt.quantize %{{.*}} scale_rule = floor_log2 {test.note} : tensor<4x32xf32> to tensor<4x32xf32, #[[MXFP4]]>
  %7 = qfmt.quantize %y scale_rule = floor_log2 {test.note} : tensor<4x32xf32> to !mx
  // CHECK: qfmt.quantize %{{.*}} scale_rule = ceil_log2 :
  %8 = qfmt.quantize %y scale_rule = ceil_log2 : tensor<4x32xf32> to !mx
  // CHECK: qfmt.quantize %{{.*}} scale_rule = mse :
  %9 = qfmt.quantize %y scale_rule = mse : tensor<4x32xf32> to !mx
  // CHECK: qfmt.quantize %{{.*}} scale_rule = two_level :
  %10 = qfmt.quantize %y scale_rule = two_level : tensor<4x32xf32> to !nv
  return
}

// CHECK-LABEL: func.func @quantize_given
func.func @quantize_given(%y: tensor<4x32xf32>, %s: tensor<4x2xf8E4M3FN>, %t: tensor<1x1xf32>, %d: tensor<?x32xf32>, %m: tensor<?x1xf8E8M0FNU>) {
  // CHECK: qfmt.quantize %{{.*}} given(%{{.*}}, %{{.*}} : tensor<4x2xf8E4M3FN>, tensor<1x1xf32>) rounding = half_down overflow = zero : tensor<4x32xf32>
  %0 = qfmt.quantize %y given(%s, %t : tensor<4x2xf8E4M3FN>, tensor<1x1xf32>) rounding = half_down overflow = zero : tensor<4x32xf32> to !nv
  // CHECK: qfmt.quantize %{{.*}} given(%{{.*}} : tensor<?x1xf8E8M0FNU>) stochastic = 3 : tensor<?x32xf32>
  %1 = qfmt.quantize %d given(%m : tensor<?x1xf8E8M0FNU>) stochastic = 3
       : tensor<?x32xf32> to tensor<?x32xf32, #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>>
  return
}

// CHECK-LABEL: func.func @quantize_stochastic
func.func @quantize_stochastic(%x: tensor<4xf32>, %q: !half) {
  // CHECK: qfmt.quantize %{{.*}} stochastic = 0 :
  %0 = qfmt.quantize %x stochastic = 0 : tensor<4xf32> to !half
  // CHECK: qfmt.quantize %{{.*}} stochastic = -9223372036854775808 overflow = saturate_symmetric nan = propagate :
  %1 = qfmt.quantize %x rounding = half_even stochastic = -9223372036854775808 overflow = saturate_symmetric nan = propagate : tensor<4xf32> to !half
  // CHECK: qfmt.convert %{{.*}} stochastic = 7 :
  %2 = qfmt.convert %q stochastic = 7 : !half to tensor<4xf32, #qfmt.scaled<i4, scale = 4.0>>
  return
}

// CHECK-LABEL: func.func @dequantize
func.func @dequantize(%q: tensor<?xf16, #qfmt.scaled<i8, scale = f32>>) -> tensor<?xf16> {
  // CHECK: qfmt.dequantize %{{.*}} : tensor<?xf16, #{{.*}}> to tensor<?xf16>
  %0 = qfmt.dequantize %q : tensor<?xf16, #qfmt.scaled<i8, scale = f32>> to tensor<?xf16>
  return %0 : tensor<?xf16>
}

// CHECK-LABEL: func.func @convert
func.func @convert(%q: !half) -> tensor<4xf32, #qfmt.scaled<i4, scale = 4.0>> {
  // CHECK: qfmt.convert %{{.*}} : tensor<4xf32, #{{.*}}> to tensor<4xf32, #{{.*}}>
  %0 = qfmt.convert %q : !half to tensor<4xf32, #qfmt.scaled<i4, scale = 4.0>>
  // CHECK: qfmt.convert %{{.*}} rounding = floor overflow = wrap nan = propagate scale_rule = floor_log2 :
  %1 = qfmt.convert %q rounding = floor overflow = wrap nan = propagate scale_rule = floor_log2
       : !half to tensor<4xf32, #qfmt.scaled<i4, scale = f32>>
  return %0 : tensor<4xf32, #qfmt.scaled<i4, scale = 4.0>>
}

// CHECK-LABEL: func.func @assemble
func.func @assemble(%codes: tensor<16x9xi8>, %scales: tensor<16x3xf32>, %zeros: tensor<16x3xi8>,
                    %rowScales: tensor<16x1xf32>, %half: tensor<4xi8>) {
  // CHECK: qfmt.assemble %{{.*}} : tensor<4xi8> to tensor<4xf32, #{{.*}}>
  %0 = qfmt.assemble %half : tensor<4xi8> to !half
  // CHECK: qfmt.assemble %{{.*}}, %{{.*}} : tensor<16x9xi8>, tensor<16x1xf32> to tensor<16x9xf32, #[[ROWS]]>
  %1 = qfmt.assemble %codes, %rowScales : tensor<16x9xi8>, tensor<16x1xf32> to !rows
  // The last block of a row is partial: ceildiv(9, 4) = 3 scales.
  // CHECK: qfmt.assemble %{{.*}}, %{{.*}}, %{{.*}} : tensor<16x9xi8>, tensor<16x3xf32>, tensor<16x3xi8> to
  %2 = qfmt.assemble %codes, %scales, %zeros : tensor<16x9xi8>, tensor<16x3xf32>, tensor<16x3xi8> to !asym
  return
}

// A builtin float keeps its type; the scale's constituents stand where the
// scale would.
// CHECK-LABEL: func.func @constituents
func.func @constituents(%w: !nv, %m: tensor<8xf32, #qfmt.scaled<!qfmt.float<3, 4>>>) {
  // CHECK: %{{.*}}:3 = qfmt.constituents %{{.*}} : tensor<4x32xf32, #[[NVFP4]]> to tensor<4x32xf4E2M1FN>, tensor<4x2xf8E4M3FN>, tensor<1x1xf32>
  %0:3 = qfmt.constituents %w : !nv to tensor<4x32xf4E2M1FN>, tensor<4x2xf8E4M3FN>, tensor<1x1xf32>
  // Every format that is no builtin float is stored as signless integers.
  // CHECK: qfmt.constituents %{{.*}} : tensor<8xf32, #[[MINI]]> to tensor<8xi8>
  %1 = qfmt.constituents %m : tensor<8xf32, #qfmt.scaled<!qfmt.float<3, 4>>> to tensor<8xi8>
  return
}

// CHECK-LABEL: func.func @observe
func.func @observe(%x: tensor<2xf32>) -> tensor<2xf32> {
  // CHECK: qfmt.observe %{{.*}} "a" : tensor<2xf32>
  %0 = qfmt.observe %x "a" : tensor<2xf32>
  // CHECK: qfmt.observe %{{.*}} "b" statistics = <min = -0.{{0+}}e+00, max = 1.500000e+00, count = 4, histogram = [0, 0, 1, 3]> : tensor<2xf32>
  %1 = qfmt.observe %0 "b" statistics = <min = -0.0, max = 1.5, count = 4, histogram = [0, 0, 1, 3]> : tensor<2xf32>
  // CHECK: qfmt.observe %{{.*}} "c" statistics = <min = 0xC19D6F3454000000, max = 0.30000000000000004, count = 1, histogram = [1]> : tensor<2xf32>
  %2 = qfmt.observe %1 "c" statistics = <min = -123456789.0, max = 0.30000000000000004, count = 1, histogram = [1]> : tensor<2xf32>
  return %2 : tensor<2xf32>
}

// CHECK-LABEL: func.func @dyadic_scale
func.func @dyadic_scale(%a: i32, %m: i32, %n: i32, %v: vector<16xi32>, %t: tensor<?xi64>) {
  // CHECK: qfmt.dyadic_scale %{{.*}}, %{{.*}}, %{{.*}} : i32, i32, i32 to i8
  %0 = qfmt.dyadic_scale %a, %m, %n : i32, i32, i32 to i8
  // CHECK: qfmt.dyadic_scale %{{.*}}, %{{.*}}, %{{.*}} rounding = half_up : vector<16xi32>, vector<16xi32>, vector<16xi32> to vector<16xi32>
  %1 = qfmt.dyadic_scale %v, %v, %v rounding = half_up : vector<16xi32>, vector<16xi32>, vector<16xi32> to vector<16xi32>
  // CHECK: qfmt.dyadic_scale %{{.*}}, %{{.*}}, %{{.*}} : tensor<?xi64>, tensor<?xi64>, tensor<?xi64> to tensor<?xi16>
  %2 = qfmt.dyadic_scale %t, %t, %t : tensor<?xi64>, tensor<?xi64>, tensor<?xi64> to tensor<?xi16>
  return
}

// CHECK-LABEL: func.func private @names(tensor<1xf32> {qfmt.name = "image"}) -> (tensor<1xf32> {qfmt.name = "logits"})
func.func private @names(tensor<1xf32> {qfmt.name = "image"}) -> (tensor<1xf32> {qfmt.name = "logits"})

// CHECK-LABEL: func.func @arithmetic
func.func @arithmetic(%i: i2, %v: vector<16xi8>, %t: tensor<?xi64>, %a: f32, %x: tensor<?x4xbf16>, %z: tensor<?x9xf32>) {
  // CHECK: qfmt.lookup %{{.*}} in dense<[-1.000000e+00, 0.000000e+00, 5.000000e-01]> : tensor<3xf32> : i2 to f32
  %0 = qfmt.lookup %i in dense<[-1.0, 0.0, 0.5]> : tensor<3xf32> : i2 to f32
  // CHECK: qfmt.lookup %{{.*}} in dense<7> : tensor<256xi4> : vector<16xi8> to vector<16xi4>
  %1 = qfmt.lookup %v in dense<7> : tensor<256xi4> : vector<16xi8> to vector<16xi4>
  // CHECK: qfmt.lmul %{{.*}}, %{{.*}} : f32
  %2 = qfmt.lmul %a, %a : f32
  // CHECK: qfmt.lmul %{{.*}}, %{{.*}} mantissa = 3 : tensor<?x4xbf16>
  %3 = qfmt.lmul %x, %x mantissa = 3 : tensor<?x4xbf16>
  // CHECK: qfmt.sharpness %{{.*}}, %{{.*}} epsilon = 1.000000e-03 : tensor<?x9xf32>, tensor<?xi64> to tensor<?xf32>
  %4 = qfmt.sharpness %z, %t epsilon = 1.0e-3 : tensor<?x9xf32>, tensor<?xi64> to tensor<?xf32>
  // CHECK: arith.mulf %{{.*}}, %{{.*}} {qfmt.lmul = 3 : i64} : f32
  %5 = arith.mulf %a, %a {qfmt.lmul = 3 : i64} : f32
  // CHECK: arith.mulf %{{.*}}, %{{.*}} {qfmt.lmul} : f32
  %6 = arith.mulf %a, %a {qfmt.lmul} : f32
  return
}
