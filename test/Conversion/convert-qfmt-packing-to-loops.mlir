// RUN: qfmt-opt %s -convert-qfmt-packing-to-loops -canonicalize -split-input-file | FileCheck %s

// 64 codes at a time, and the rest on shorter vectors. One code a byte stands for the codes until every code has a byte.
// CHECK-LABEL: func.func @unpack_i4
// CHECK-SAME:    %[[BYTES:.*]]: tensor<70xi8>
// CHECK:         %[[EMPTY:.*]] = tensor.empty() : tensor<140xi8>
// CHECK:         %[[LOOP:.*]] = scf.for %[[I:.*]] = %c0 to %c2 step %c1 iter_args(%[[T:.*]] = %[[EMPTY]])
// CHECK-DAG:       %[[CODE:.*]] = arith.muli %[[I]], %c64
// CHECK-DAG:       %[[BYTE:.*]] = arith.muli %[[I]], %c32
// CHECK:           %[[READ:.*]] = vector.transfer_read %[[BYTES]][%[[BYTE]]], {{.*}} {in_bounds = [true]} : tensor<70xi8>, vector<32xi8>
// CHECK:           %[[WORDS:.*]] = arith.extui %[[READ]] : vector<32xi8> to vector<32xi16>
// CHECK:           %[[UP:.*]] = arith.shli %[[WORDS]], %cst{{.*}} : vector<32xi16>
// CHECK:           %[[HIGH:.*]] = arith.andi %[[UP]], %cst{{.*}} : vector<32xi16>
// CHECK:           %[[LOW:.*]] = arith.andi %[[WORDS]], %cst{{.*}} : vector<32xi16>
// CHECK:           %[[OR:.*]] = arith.ori %[[LOW]], %[[HIGH]]
// CHECK:           %[[CODES:.*]] = vector.bitcast %[[OR]] : vector<32xi16> to vector<64xi8>
// CHECK:           vector.transfer_write %[[CODES]], %[[T]][%[[CODE]]]
// CHECK:         vector.transfer_read %[[BYTES]][%c64], {{.*}} : tensor<70xi8>, vector<6xi8>
// CHECK:         %[[FLAT:.*]] = vector.transfer_write %{{.*}}, %[[LOOP]][%c128] {{.*}} : vector<12xi8>, tensor<140xi8>
// CHECK:         %[[SHAPED:.*]] = tensor.expand_shape %[[FLAT]] {{\[}}[0, 1]] output_shape [20, 7]
// CHECK:         builtin.unrealized_conversion_cast %[[SHAPED]] : tensor<20x7xi8> to tensor<20x7xi4>
func.func @unpack_i4(%b: tensor<70xi8>) -> tensor<20x7xi4> {
  %c = qfmt.unpack %b : tensor<70xi8> to tensor<20x7xi4>
  return %c : tensor<20x7xi4>
}

// -----

// Eight codes in three bytes: words of 64 bits, three steps. No loop for less than 64 codes. The ninth code begins a
// word of its own; the read ends at the last byte.
// CHECK-LABEL: func.func @unpack_i3
// CHECK-NOT:     scf.for
// CHECK:         vector.transfer_read {{.*}} : tensor<4xi8>, vector<4xi8>
// CHECK:         vector.shuffle %{{.*}}, %{{.*}} [0, 1, 2, 4, 4, 4, 4, 4, 3, 4, 4, 4, 4, 4, 4, 4] : vector<4xi8>, vector<4xi8>
// CHECK:         vector.bitcast {{.*}} : vector<16xi8> to vector<2xi64>
// CHECK-COUNT-3: arith.shli {{.*}} : vector<2xi64>
// CHECK:         vector.extract_strided_slice {{.*}} {offsets = [0], sizes = [9], strides = [1]} : vector<16xi8> to vector<9xi8>
func.func @unpack_i3(%b: tensor<4xi8>) -> tensor<9xi3> {
  %c = qfmt.unpack %b : tensor<4xi8> to tensor<9xi3>
  return %c : tensor<9xi3>
}

// -----

// 48 bytes are two registers of 32.
// CHECK-LABEL: func.func @unpack_i6
// CHECK:         vector.transfer_read %arg0[%c0], {{.*}} : tensor<48xi8>, vector<32xi8>
// CHECK:         vector.transfer_read %arg0[%c16], {{.*}} : tensor<48xi8>, vector<32xi8>
func.func @unpack_i6(%b: tensor<48xi8>) -> tensor<64xi6> {
  %c = qfmt.unpack %b : tensor<48xi8> to tensor<64xi6>
  return %c : tensor<64xi6>
}

// -----

// CHECK-LABEL: func.func @pack_i2
// CHECK-SAME:    %[[ARG:.*]]: tensor<5x5xi2>
// CHECK:         %[[WIDE:.*]] = builtin.unrealized_conversion_cast %[[ARG]] : tensor<5x5xi2> to tensor<5x5xi8>
// CHECK:         %[[FLAT:.*]] = tensor.collapse_shape %[[WIDE]] {{\[}}[0, 1]] : tensor<5x5xi8> into tensor<25xi8>
// CHECK:         vector.transfer_read %[[FLAT]][%c0], {{.*}} : tensor<25xi8>, vector<25xi8>
// CHECK:         vector.bitcast {{.*}} : vector<28xi8> to vector<7xi32>
// CHECK-COUNT-2: arith.shrui {{.*}} : vector<7xi32>
// CHECK:         arith.trunci {{.*}} : vector<7xi32> to vector<7xi8>
func.func @pack_i2(%c: tensor<5x5xi2>) -> tensor<7xi8> {
  %b = qfmt.pack %c : tensor<5x5xi2> to tensor<7xi8>
  return %b : tensor<7xi8>
}

// -----

// Bytes are bytes.
// CHECK-LABEL: func.func @i8
// CHECK-NEXT:    %[[FLAT:.*]] = tensor.collapse_shape %arg0
// CHECK-NEXT:    return %[[FLAT]]
func.func @i8(%c: tensor<5x5xi8>) -> tensor<25xi8> {
  %b = qfmt.pack %c : tensor<5x5xi8> to tensor<25xi8>
  return %b : tensor<25xi8>
}

// -----

// Each code reads its byte and multiplies it by its own power of 3.
// CHECK-LABEL: func.func @base3
// CHECK-DAG:     %[[FACTORS:.*]] = arith.constant dense<[270, 810, 2430, 7290, 21870, 270, 810]> : vector<7xi16>
// CHECK-DAG:     %[[THREE:.*]] = arith.constant dense<3> : vector<7xi32>
// CHECK:         vector.shuffle {{.*}} [0, 0, 0, 0, 0, 1, 1] : vector<2xi8>, vector<2xi8>
// CHECK:         arith.muli %{{.*}}, %[[FACTORS]]
// CHECK:         arith.muli %{{.*}}, %[[THREE]]
func.func @base3(%b: tensor<2xi8>) -> tensor<7xi2> {
  %c = qfmt.unpack %b packing = base3 : tensor<2xi8> to tensor<7xi2>
  return %c : tensor<7xi2>
}

// -----

// Tools that know LLVM only could not read a number format.
// CHECK-LABEL: func.func @no_description
// CHECK-NOT:     qfmt.{{packed|format}}
func.func @no_description(%b: tensor<2xi8> {qfmt.packed = tensor<7x!qfmt.ternary>}, %c: tensor<2xi8> {qfmt.format = ui8}) {
  return
}
