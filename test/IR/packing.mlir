// RUN: qfmt-opt %s | qfmt-opt | FileCheck %s
// RUN: qfmt-opt %s -mlir-print-op-generic | qfmt-opt | FileCheck %s
// RUN: qfmt-opt %s -canonicalize | FileCheck %s --check-prefix=FOLD
// RUN: qfmt-opt %s -emit-bytecode | qfmt-opt | FileCheck %s
// Of every level below the float ones.
// RUN: qfmt-opt %s -qfmt-verify-level=level=encoded -o /dev/null
// RUN: qfmt-opt %s -qfmt-verify-level=level=integer -o /dev/null
// RUN: qfmt-opt %s -qfmt-verify-level=level=constituents -o /dev/null

// CHECK-LABEL: func.func @roundtrip
// CHECK: qfmt.pack %{{.*}} : tensor<4x5xi4> to tensor<10xi8>
// CHECK: qfmt.pack %{{.*}} packing = base3 : tensor<4x5xi2> to tensor<4xi8>
// CHECK: qfmt.unpack %{{.*}} : tensor<10xi8> to tensor<2x10xi4>
// CHECK: qfmt.unpack %{{.*}} packing = base3 : tensor<4xi8> to tensor<20xi2>
func.func @roundtrip(%codes: tensor<4x5xi4>, %digits: tensor<4x5xi2>) -> (tensor<2x10xi4>, tensor<20xi2>) {
  %b = qfmt.pack %codes : tensor<4x5xi4> to tensor<10xi8>
  %t = qfmt.pack %digits packing = base3 : tensor<4x5xi2> to tensor<4xi8>
  %c = qfmt.unpack %b : tensor<10xi8> to tensor<2x10xi4>
  %d = qfmt.unpack %t packing = base3 : tensor<4xi8> to tensor<20xi2>
  return %c, %d : tensor<2x10xi4>, tensor<20xi2>
}

// CHECK-LABEL: func.func @widths
func.func @widths(%a: tensor<i1>, %b: tensor<0xi3>, %c: tensor<9xi7>, %d: tensor<3xi8>)
    -> (tensor<1xi8>, tensor<0xi8>, tensor<8xi8>, tensor<3xi8>) {
  %0 = qfmt.pack %a : tensor<i1> to tensor<1xi8>
  %1 = qfmt.pack %b : tensor<0xi3> to tensor<0xi8>
  %2 = qfmt.pack %c : tensor<9xi7> to tensor<8xi8>
  %3 = qfmt.pack %d : tensor<3xi8> to tensor<3xi8>
  return %0, %1, %2, %3 : tensor<1xi8>, tensor<0xi8>, tensor<8xi8>, tensor<3xi8>
}

// FOLD-LABEL: func.func @unpack_of_pack
// FOLD-NEXT:    return %arg0
func.func @unpack_of_pack(%codes: tensor<3x3xi3>) -> tensor<3x3xi3> {
  %b = qfmt.pack %codes : tensor<3x3xi3> to tensor<4xi8>
  %c = qfmt.unpack %b : tensor<4xi8> to tensor<3x3xi3>
  return %c : tensor<3x3xi3>
}

// FOLD-LABEL: func.func @pack_of_unpack
// FOLD-NEXT:    return %arg0
func.func @pack_of_unpack(%bytes: tensor<10xi8>) -> tensor<10xi8> {
  %c = qfmt.unpack %bytes : tensor<10xi8> to tensor<4x5xi4>
  %b = qfmt.pack %c : tensor<4x5xi4> to tensor<10xi8>
  return %b : tensor<10xi8>
}

// The unused bits become zeros.
// FOLD-LABEL: func.func @pack_clears_unused_bits
// FOLD:         qfmt.unpack
// FOLD:         qfmt.pack
func.func @pack_clears_unused_bits(%bytes: tensor<4xi8>) -> tensor<4xi8> {
  %c = qfmt.unpack %bytes : tensor<4xi8> to tensor<3x3xi3>
  %b = qfmt.pack %c : tensor<3x3xi3> to tensor<4xi8>
  return %b : tensor<4xi8>
}

// A -2 becomes a -1, a byte of 243 one of 0.
// FOLD-LABEL: func.func @base3_stays
// FOLD:         qfmt.pack
// FOLD:         qfmt.unpack
// FOLD:         qfmt.unpack
// FOLD:         qfmt.pack
func.func @base3_stays(%codes: tensor<5xi2>, %bytes: tensor<1xi8>) -> (tensor<5xi2>, tensor<1xi8>) {
  %b = qfmt.pack %codes packing = base3 : tensor<5xi2> to tensor<1xi8>
  %c = qfmt.unpack %b packing = base3 : tensor<1xi8> to tensor<5xi2>
  %d = qfmt.unpack %bytes packing = base3 : tensor<1xi8> to tensor<5xi2>
  %e = qfmt.pack %d packing = base3 : tensor<5xi2> to tensor<1xi8>
  return %c, %e : tensor<5xi2>, tensor<1xi8>
}

// CHECK-LABEL: func.func private @c64_packed
// CHECK-SAME: qfmt.packed = tensor<4x5x!qfmt.ternary>
func.func private @c64_packed(tensor<4xi8> {qfmt.name = "w", qfmt.packed = tensor<4x5x!qfmt.ternary>})

// CHECK-LABEL: func.func private @c66_format
// CHECK-SAME: tensor<?xi8> {qfmt.format = ui8}
// CHECK-SAME: tensor<4xf8E4M3FN> {qfmt.format = f8E4M3FN}
func.func private @c66_format(tensor<?xi8> {qfmt.format = ui8}, tensor<4xf8E4M3FN> {qfmt.format = f8E4M3FN})
