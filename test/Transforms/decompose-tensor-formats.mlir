// The lowering of #qfmt.select and #qfmt.additive. Their numbers are tested in
// test/python/test_select.py and test_additive.py.
//
// RUN: qfmt-opt %s --qfmt-decompose --canonicalize --cse --split-input-file | FileCheck %s

#bitmod = #qfmt.select<[!qfmt.float<2, 0, negative_zero = 3.0>, !qfmt.float<2, 0, negative_zero = -3.0>],
                       block = [1, 32], scale = f16>

// One table for what the formats have in common, one for the code in which they differ.
// CHECK-LABEL: @read_bitmod(
// CHECK-SAME:    %[[CODES:.*]]: tensor<6x40xi3>, %[[SCALES:.*]]: tensor<6x2xf16>, %[[SELECTORS:.*]]: tensor<6x2xi1>) -> tensor<6x40xf32>
// CHECK:         linalg.generic
// CHECK:         ^bb0(%[[CODE:.*]]: i3, %{{.*}}: f16, %[[SELECTOR:.*]]: i1, %{{.*}}: f32):
// CHECK:           qfmt.lookup %[[CODE]] in dense<[0.000000e+00, 1.000000e+00, 2.000000e+00, 4.000000e+00, 3.000000e+00, -1.000000e+00, -2.000000e+00, -4.000000e+00]>
// CHECK:           qfmt.lookup %[[SELECTOR]] in dense<[3.000000e+00, -3.000000e+00]>
// CHECK-NOT:     linalg.generic
func.func @read_bitmod(%q: tensor<6x40xf32, #bitmod>) -> tensor<6x40xf32> {
  %0 = qfmt.dequantize %q : tensor<6x40xf32, #bitmod> to tensor<6x40xf32>
  return %0 : tensor<6x40xf32>
}

// -----

// Where many codes differ the table has all formats; an unused selector means the last one.
// CHECK-LABEL: @read_three_formats(
// CHECK:         ^bb0(%[[CODE:.*]]: i3, %[[SELECTOR:.*]]: i2, %{{.*}}: f32):
// CHECK:           %[[HIGH:.*]] = arith.shli
// CHECK:           %[[INDEX:.*]] = arith.ori %[[HIGH]]
// CHECK:           qfmt.lookup %[[INDEX]] in {{.*}} : tensor<32xf32> : i8 to f32
#three = #qfmt.select<[i3, ui3, !qfmt.float<1, 1>]>
func.func @read_three_formats(%q: tensor<8xf32, #three>) -> tensor<8xf32> {
  %0 = qfmt.dequantize %q : tensor<8xf32, #three> to tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// Formats of many bits are read by their own arithmetic, and the result selected.
// CHECK-LABEL: @read_wide_formats(
// CHECK:         ^bb0(%[[CODE:.*]]: i16, %[[SELECTOR:.*]]: i1, %{{.*}}: f32):
// CHECK-NOT:       qfmt.lookup
// CHECK:           arith.select
#wide = #qfmt.select<[i16, bf16]>
func.func @read_wide_formats(%q: tensor<8xf32, #wide>) -> tensor<8xf32> {
  %0 = qfmt.dequantize %q : tensor<8xf32, #wide> to tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// Partial blocks are filled up with NaNs, which do not count in the errors of formats.
// CHECK-LABEL: @quantize(
// CHECK-SAME:    -> (tensor<6x40xi4>, tensor<6x2xf32>, tensor<6x2xi1>)
// CHECK:         tensor.pad
// CHECK:           tensor.yield %[[NAN:.*]] : f32
// CHECK:         iterator_types = ["parallel", "parallel", "reduction"]
#pair = #qfmt.select<[i4, f4E2M1FN], block = [1, 32], scale = f32>
func.func @quantize(%x: tensor<6x40xf32>) -> tensor<6x40xf32, #pair> {
  %0 = qfmt.quantize %x : tensor<6x40xf32> to tensor<6x40xf32, #pair>
  return %0 : tensor<6x40xf32, #pair>
}

// -----

// Loops over groups and then over the elements of one; a tensor of codes for each table.
// CHECK-DAG: #[[GROUP:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-DAG: #[[ELEMENT:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-LABEL: @read_aqlm(
// CHECK-SAME:    %[[CODES:.*]]: tensor<6x5x2xi8>, %[[SCALES:.*]]: tensor<6x1xf16>, %[[TABLES:.*]]: tensor<2x256x1x8xf16>) -> tensor<6x40xf32>
// CHECK-DAG:     %[[FIRST:.*]] = tensor.extract_slice %[[CODES]][0, 0, 0] [6, 5, 1] [1, 1, 1]
// CHECK-DAG:     %[[SECOND:.*]] = tensor.extract_slice %[[CODES]][0, 0, 1] [6, 5, 1] [1, 1, 1]
// CHECK:         linalg.generic {indexing_maps = [#[[GROUP]], #[[GROUP]], #[[GROUP]], #[[ELEMENT]]]
// CHECK-SAME:      ins(%[[FIRST]], %[[SECOND]],
// CHECK:           tensor.extract %[[TABLES]]
// CHECK:           tensor.extract %[[TABLES]]
// CHECK:           arith.addf {{.*}} : f64
// CHECK:         tensor.collapse_shape {{.*}} : tensor<6x5x8xf32> into tensor<6x40xf32>
#aqlm = #qfmt.additive<codebooks = 2, bits = 8, group = [1, 8], table = f16, block = [1, *], scale = f16>
func.func @read_aqlm(%w: tensor<6x40xf32, #aqlm>) -> tensor<6x40xf32> {
  %0 = qfmt.dequantize %w : tensor<6x40xf32, #aqlm> to tensor<6x40xf32>
  return %0 : tensor<6x40xf32>
}
