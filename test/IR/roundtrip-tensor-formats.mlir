// Text and bytecode carry #qfmt.select and #qfmt.additive unchanged.
//
// RUN: qfmt-opt %s --verify-roundtrip | FileCheck %s --check-prefix=ALIAS
// RUN: qfmt-opt %s --mlir-print-local-scope | FileCheck %s
// RUN: qfmt-opt %s --emit-bytecode | qfmt-opt --mlir-print-local-scope | FileCheck %s

// ALIAS-DAG: = #qfmt.select<[!qfmt.float<2, 0, negative_zero = 3.000000e+00>, !qfmt.float<2, 0, negative_zero = -3.000000e+00>], block = [1, 128], scale = f16>
// ALIAS-DAG: = #qfmt.additive<codebooks = 2, bits = 8, group = [1, 8], table = f16, block = [1, *], scale = f16>

// CHECK: @bitmod(tensor<64x256xf32, #qfmt.select<[!qfmt.float<2, 0, negative_zero = 3.000000e+00>, !qfmt.float<2, 0, negative_zero = -3.000000e+00>], block = [1, 128], scale = f16>>)
func.func private @bitmod(tensor<64x256xf32, #qfmt.select<[!qfmt.float<2, 0, negative_zero = 3.0>, !qfmt.float<2, 0, negative_zero = -3.0>],
                                                          block = [1, 128], scale = f16>>)

// A static scale may go with blocks, which are then those of the selector.
// CHECK: @static_scale(tensor<4x8xf32, #qfmt.select<[i4, f4E2M1FN], block = [1, 4], scale = 5.000000e-01>>)
func.func private @static_scale(tensor<4x8xf32, #qfmt.select<[i4, f4E2M1FN], scale = 0.5, block = [1, 4]>>)

// CHECK: @normal_form(tensor<?xf32, #qfmt.select<[i4, ui4]>>)
func.func private @normal_form(tensor<?xf32, #qfmt.select<[i4, ui4], block = [*], scale = 1.0>>)

// CHECK: @aqlm(tensor<64x256xf32, #qfmt.additive<codebooks = 2, bits = 8, group = [1, 8], table = f16, block = [1, *], scale = f16>>)
func.func private @aqlm(tensor<64x256xf32, #qfmt.additive<group = [1, 8], table = f16, codebooks = 2, bits = 8, block = [1, *], scale = f16>>)

// Dimensions without groups may be dynamic.
// CHECK: @learned(tensor<?x64xf32, #qfmt.additive<codebooks = 1, bits = 4, group = [1, 1], table = i8, scale = f32>>)
func.func private @learned(tensor<?x64xf32, #qfmt.additive<codebooks = 1, bits = 4, group = [1, 1], table = i8, scale = f32>>)

// CHECK-LABEL: @constituents
// CHECK: qfmt.constituents {{.*}} to tensor<64x300xi4>, tensor<64x3xi8>, tensor<64x1xf16>, tensor<64x3xi2>
// CHECK: qfmt.constituents {{.*}} to tensor<32x32x3xi12>, tensor<32x1xf16>, tensor<3x4096x2x8xf16>
func.func @constituents(
    %a: tensor<64x300xf32, #qfmt.select<[i4, ui4, f4E2M1FN], block = [1, 128], scale = #qfmt.scaled<ui8, block = [1, *], scale = f16>>>,
    %b: tensor<64x256xf32, #qfmt.additive<codebooks = 3, bits = 12, group = [2, 8], table = f16, block = [2, *], scale = f16>>) {
  %0:4 = qfmt.constituents %a
       : tensor<64x300xf32, #qfmt.select<[i4, ui4, f4E2M1FN], block = [1, 128], scale = #qfmt.scaled<ui8, block = [1, *], scale = f16>>>
       to tensor<64x300xi4>, tensor<64x3xi8>, tensor<64x1xf16>, tensor<64x3xi2>
  %1:3 = qfmt.constituents %b
       : tensor<64x256xf32, #qfmt.additive<codebooks = 3, bits = 12, group = [2, 8], table = f16, block = [2, *], scale = f16>>
       to tensor<32x32x3xi12>, tensor<32x1xf16>, tensor<3x4096x2x8xf16>
  return
}
