// RUN: qfmt-opt %s -allow-unregistered-dialect -qfmt-pack-storage=boundaries -split-input-file | FileCheck %s
// A second run changes nothing.
// RUN: qfmt-opt %s -allow-unregistered-dialect -qfmt-pack-storage=boundaries -qfmt-pack-storage=boundaries -split-input-file | FileCheck %s
// RUN: qfmt-opt %s -allow-unregistered-dialect -qfmt-pack-storage -split-input-file | FileCheck %s --check-prefix=SIGNATURES
// RUN: qfmt-opt %s -allow-unregistered-dialect -qfmt-pack-storage -qfmt-unpack-constants -split-input-file | FileCheck %s --check-prefix=UNPACKED

// Element 0 is the low nibble of byte 0.
// CHECK-LABEL: func.func private @constant(
// CHECK:         %[[BYTES:.*]] = arith.constant dense<[-31, 6]> : tensor<2xi8>
// CHECK:         %[[CODES:.*]] = qfmt.unpack %[[BYTES]] : tensor<2xi8> to tensor<3xi4>
// CHECK:         qfmt.assemble %[[CODES]]
// UNPACKED-LABEL: func.func private @constant(
// UNPACKED:         %[[CODES:.*]] = arith.constant dense<[1, -2, 6]> : tensor<3xi4>
// UNPACKED:         qfmt.assemble %[[CODES]]
func.func private @constant() -> tensor<3xf32, #qfmt.scaled<i4>> {
  %c = arith.constant dense<[1, -2, 6]> : tensor<3xi4>
  %w = qfmt.assemble %c : tensor<3xi4> to tensor<3xf32, #qfmt.scaled<i4>>
  return %w : tensor<3xf32, #qfmt.scaled<i4>>
}

// -----

// Codes of a float: its bits. Scales of 8 bits stay.
// CHECK-LABEL: func.func private @floats(
// CHECK-DAG:     %[[SCALES:.*]] = arith.constant dense<{{.*}}> : tensor<1xf8E8M0FNU>
// CHECK-DAG:     %[[BYTES:.*]] = arith.constant dense<[-95, 7]> : tensor<2xi8>
// CHECK-DAG:     %[[CODES:.*]] = qfmt.unpack %[[BYTES]] : tensor<2xi8> to tensor<3xi4>
// CHECK-DAG:     %[[FLOATS:.*]] = arith.bitcast %[[CODES]] : tensor<3xi4> to tensor<3xf4E2M1FN>
// CHECK:         qfmt.assemble %[[FLOATS]], %[[SCALES]]
// UNPACKED-LABEL: func.func private @floats(
// UNPACKED:         arith.constant dense<[5.000000e-01, -1.000000e+00, 6.000000e+00]> : tensor<3xf4E2M1FN>
func.func private @floats() -> tensor<3xf32, #qfmt.scaled<f4E2M1FN, block = [32], scale = f8E8M0FNU>> {
  %c = arith.constant dense<[0.5, -1.0, 6.0]> : tensor<3xf4E2M1FN>
  %s = arith.constant dense<1.0> : tensor<1xf8E8M0FNU>
  %w = qfmt.assemble %c, %s : tensor<3xf4E2M1FN>, tensor<1xf8E8M0FNU>
       to tensor<3xf32, #qfmt.scaled<f4E2M1FN, block = [32], scale = f8E8M0FNU>>
  return %w : tensor<3xf32, #qfmt.scaled<f4E2M1FN, block = [32], scale = f8E8M0FNU>>
}

// -----

// The packing is that of the number format: (2 0 1 1 1) in base 3 is 175.
// CHECK-LABEL: func.func private @ternary(
// CHECK:         %[[BYTES:.*]] = arith.constant dense<-81> : tensor<1xi8>
// CHECK:         qfmt.unpack %[[BYTES]] packing = base3 : tensor<1xi8> to tensor<5xi2>
func.func private @ternary() -> tensor<5xf32, #qfmt.scaled<!qfmt.ternary>> {
  %c = arith.constant dense<[1, -1, 0, 0, 0]> : tensor<5xi2>
  %w = qfmt.assemble %c : tensor<5xi2> to tensor<5xf32, #qfmt.scaled<!qfmt.ternary>>
  return %w : tensor<5xf32, #qfmt.scaled<!qfmt.ternary>>
}

// -2 has no digit.
// CHECK-LABEL: func.func private @ternary_without_digit(
// CHECK:         qfmt.unpack %{{.*}} : tensor<2xi8> to tensor<5xi2>
func.func private @ternary_without_digit() -> tensor<5xf32, #qfmt.scaled<!qfmt.ternary>> {
  %c = arith.constant dense<[1, -1, 0, 0, -2]> : tensor<5xi2>
  %w = qfmt.assemble %c : tensor<5xi2> to tensor<5xf32, #qfmt.scaled<!qfmt.ternary>>
  return %w : tensor<5xf32, #qfmt.scaled<!qfmt.ternary>>
}

// What two users do not agree on is packed as bits.
// CHECK-LABEL: func.func private @two_formats(
// CHECK:         qfmt.unpack %{{.*}} : tensor<2xi8> to tensor<5xi2>
// CHECK-NOT:     qfmt.unpack
func.func private @two_formats() -> (tensor<5xf32, #qfmt.scaled<!qfmt.ternary>>, tensor<5xf32, #qfmt.scaled<i2>>) {
  %c = arith.constant dense<[1, -1, 0, 0, 0]> : tensor<5xi2>
  %v = qfmt.assemble %c : tensor<5xi2> to tensor<5xf32, #qfmt.scaled<!qfmt.ternary>>
  %w = qfmt.assemble %c : tensor<5xi2> to tensor<5xf32, #qfmt.scaled<i2>>
  return %v, %w : tensor<5xf32, #qfmt.scaled<!qfmt.ternary>>, tensor<5xf32, #qfmt.scaled<i2>>
}

// -----

// A repeated value folds, conditions have a byte, bytes are bytes.
// CHECK-LABEL: func.func private @stay(
// CHECK-NOT:     qfmt
func.func private @stay() -> (tensor<3xi4>, tensor<2xi1>, tensor<2xi8>, tensor<2xi12>) {
  %a = arith.constant dense<3> : tensor<3xi4>
  %b = arith.constant dense<[true, false]> : tensor<2xi1>
  %c = arith.constant dense<[1, 2]> : tensor<2xi8>
  %d = arith.constant dense<[1, 2]> : tensor<2xi12>
  return %a, %b, %c, %d : tensor<3xi4>, tensor<2xi1>, tensor<2xi8>, tensor<2xi12>
}

// Bits that are codes are packed.
// CHECK-LABEL: func.func private @one_bit_codes(
// CHECK:         arith.constant dense<5> : tensor<1xi8>
// CHECK:         qfmt.unpack %{{.*}} : tensor<1xi8> to tensor<3xi1>
func.func private @one_bit_codes() -> tensor<3xf32, #qfmt.scaled<ui1>> {
  %c = arith.constant dense<[true, false, true]> : tensor<3xi1>
  %w = qfmt.assemble %c : tensor<3xi1> to tensor<3xf32, #qfmt.scaled<ui1>>
  return %w : tensor<3xf32, #qfmt.scaled<ui1>>
}

// -----

// Unpacked once, before the loop, and not before it is needed.
// CHECK-LABEL: func.func private @place(
// CHECK:         "test.before"
// CHECK-NEXT:    arith.constant {{.*}} : tensor<2xi8>
// CHECK-NEXT:    %[[CODES:.*]] = qfmt.unpack
// CHECK-NEXT:    scf.for
// CHECK-NEXT:      "test.use"(%[[CODES]])
func.func private @place(%n: index) {
  %c = arith.constant dense<[1, -2, 6]> : tensor<3xi4>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  "test.before"() : () -> ()
  scf.for %i = %c0 to %n step %c1 {
    "test.use"(%c) : (tensor<3xi4>) -> ()
  }
  "test.use"(%c) : (tensor<3xi4>) -> ()
  return
}

// -----

// Signatures, names and calls follow; other functions and declarations stay.
// CHECK-LABEL: func.func @public
// CHECK-SAME:    %[[W:.*]]: tensor<10xi8> {qfmt.name = "w", qfmt.packed = tensor<4x5xui4>}
// CHECK-SAME:    %[[S:.*]]: tensor<4x1xf16> {qfmt.name = "w.scale"}, %[[X:.*]]: tensor<3xf32>)
// CHECK-SAME:    -> (tensor<3xf32>, tensor<7xi8> {qfmt.packed = tensor<3x3x!qfmt.float<3, 2, bias = 2>>})
// CHECK-NEXT:    %[[C:.*]] = qfmt.unpack %[[W]] : tensor<10xi8> to tensor<4x5xi4>
// CHECK-NEXT:    %[[E:.*]] = qfmt.assemble %[[C]], %[[S]]
// CHECK-NEXT:    %[[R:.*]] = "test.use"(%[[E]])
// CHECK-NEXT:    %[[RC:.*]] = qfmt.constituents %[[R]]
// CHECK-NEXT:    %[[RB:.*]] = qfmt.pack %[[RC]] : tensor<3x3xi6> to tensor<7xi8>
// CHECK-NEXT:    return %[[X]], %[[RB]]
// SIGNATURES-LABEL: func.func @public
// SIGNATURES-SAME: %arg0: tensor<4x5xf32, #{{.*}}> {qfmt.name = "w"}
#w = #qfmt.scaled<ui4, block = [1, *], scale = f16>
#r = #qfmt.scaled<!qfmt.float<3, 2, bias = 2>>
func.func @public(%w: tensor<4x5xf32, #w> {qfmt.name = "w"}, %x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3x3xf32, #r>) {
  %r = "test.use"(%w) : (tensor<4x5xf32, #w>) -> tensor<3x3xf32, #r>
  return %x, %r : tensor<3xf32>, tensor<3x3xf32, #r>
}

// CHECK-LABEL: func.func private @caller
// CHECK-SAME:    %[[W:.*]]: tensor<4x5xf32, #{{.*}}>, %[[X:.*]]: tensor<3xf32>
// CHECK-NEXT:    %[[P:.*]]:2 = qfmt.constituents %[[W]]
// CHECK-NEXT:    %[[B:.*]] = qfmt.pack %[[P]]#0 : tensor<4x5xi4> to tensor<10xi8>
// CHECK-NEXT:    %[[C:.*]]:2 = call @public(%[[B]], %[[P]]#1, %[[X]])
// CHECK-NEXT:    %[[U:.*]] = qfmt.unpack %[[C]]#1 : tensor<7xi8> to tensor<3x3xi6>
// CHECK-NEXT:    %[[R:.*]] = qfmt.assemble %[[U]]
// CHECK-NEXT:    return %[[R]]
func.func private @caller(%w: tensor<4x5xf32, #w>, %x: tensor<3xf32>) -> tensor<3x3xf32, #r> {
  %0:2 = call @public(%w, %x) : (tensor<4x5xf32, #w>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3x3xf32, #r>)
  return %0#1 : tensor<3x3xf32, #r>
}

// CHECK: func.func private @declared(tensor<4x5xf32, #{{.*}}>)
func.func private @declared(tensor<4x5xf32, #w>)

// CHECK: func.func @bytes(%arg0: tensor<4xf32, #{{.*}}>, %arg1: tensor<4xi1>)
func.func @bytes(%x: tensor<4xf32, #qfmt.scaled<i8>>, %y: tensor<4xi1>) {
  return
}

// -----

// What leaves no bits unused keeps its shape, and its format where the element
// type does not say it.
// CHECK-LABEL: func.func @unpacked_constituents
// CHECK-SAME:    tensor<4x8xi8> {qfmt.format = ui8, qfmt.name = "w"}
// CHECK-SAME:    tensor<4x2xf16> {qfmt.name = "w.scale"}
// CHECK-SAME:    tensor<4xi8> {qfmt.name = "w.zero_point", qfmt.packed = tensor<4x2xui4>}
// CHECK-SAME:    -> (tensor<4x8xi8> {qfmt.format = ui8}, tensor<4x2xi8> {qfmt.format = ui8}, tensor<1xi8> {qfmt.packed = tensor<4x2xui1>})
// SIGNATURES-LABEL: func.func @unpacked_constituents
// SIGNATURES-NOT:     qfmt.format
#choice = #qfmt.select<[i8, !qfmt.int<i8, -127, 127>], block = [1, 4], scale = ui8>
func.func @unpacked_constituents(
    %w: tensor<4x8xf32, #qfmt.scaled<ui8, block = [1, 4], scale = f16, zero_point = ui4>> {qfmt.name = "w"})
    -> tensor<4x8xf32, #choice> {
  %r = "test.use"(%w) : (tensor<4x8xf32, #qfmt.scaled<ui8, block = [1, 4], scale = f16, zero_point = ui4>>) -> tensor<4x8xf32, #choice>
  return %r : tensor<4x8xf32, #choice>
}

// -----

// Without a format: bits.
// CHECK-LABEL: func.func @plain
// CHECK-SAME:    %[[B:.*]]: tensor<2xi8> {qfmt.packed = tensor<5xi3>}) -> (tensor<2xi8> {qfmt.packed = tensor<5xi3>})
// CHECK-NEXT:    %[[C:.*]] = qfmt.unpack %[[B]] : tensor<2xi8> to tensor<5xi3>
// CHECK-NEXT:    %[[R:.*]] = qfmt.pack %[[C]] : tensor<5xi3> to tensor<2xi8>
// CHECK-NEXT:    return %[[R]]
func.func @plain(%c: tensor<5xi3>) -> tensor<5xi3> {
  return %c : tensor<5xi3>
}

// -----

// What a block reads that nothing reaches stays behind the constant, and so does a constant of unknown size.
// CHECK-LABEL: func.func private @unreachable
// CHECK-NEXT:    %[[BYTES:.*]] = arith.constant dense<[33, 67]> : tensor<2xi8>
// CHECK-NEXT:    %[[CODES:.*]] = qfmt.unpack %[[BYTES]] : tensor<2xi8> to tensor<4xi4>
// CHECK-NEXT:    arith.constant dense_resource<missing> : tensor<?xi4>
// CHECK-NEXT:    return
// CHECK:         "test.use"(%[[CODES]])
// CHECK:         "test.use"(%[[CODES]])
func.func private @unreachable() {
  %c = arith.constant dense<[1, 2, 3, 4]> : tensor<4xi4>
  %d = arith.constant dense_resource<missing> : tensor<?xi4>
  return
^bb1:
  "test.use"(%c) : (tensor<4xi4>) -> ()
  "test.use"(%d) : (tensor<?xi4>) -> ()
  return
^bb2:
  "test.use"(%c) : (tensor<4xi4>) -> ()
  return
}
