// RUN: qfmt-opt %s --qfmt-widen-storage --split-input-file | FileCheck %s

// A body reads its codes truncated and writes them sign-extended; wide operands stay.
#id = affine_map<(d0) -> (d0)>
// CHECK-LABEL: @generic(
// CHECK-SAME:    %[[X:.*]]: tensor<8xi8>, %{{.*}}: tensor<8xi32>, %{{.*}}: tensor<8xi8>) -> tensor<8xi8>
// CHECK:       ins(%[[X]], %{{.*}} : tensor<8xi8>, tensor<8xi32>)
// CHECK:       ^bb0(%[[A:.*]]: i8, %[[B:.*]]: i32, %{{.*}}: i8):
// CHECK:         %[[T:.*]] = arith.trunci %[[A]] : i8 to i4
// CHECK:         %[[E:.*]] = arith.extsi %[[T]] : i4 to i32
// CHECK:         %[[S:.*]] = arith.addi %[[E]], %[[B]] : i32
// CHECK:         %[[N:.*]] = arith.trunci %[[S]] : i32 to i4
// CHECK:         %[[W:.*]] = arith.extsi %[[N]] : i4 to i8
// CHECK:         linalg.yield %[[W]] : i8
func.func @generic(%x: tensor<8xi4>, %y: tensor<8xi32>, %z: tensor<8xi4>) -> tensor<8xi4> {
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %y : tensor<8xi4>, tensor<8xi32>) outs(%z : tensor<8xi4>) {
  ^bb0(%a: i4, %b: i32, %c: i4):
    %1 = arith.extsi %a : i4 to i32
    %2 = arith.addi %1, %b : i32
    %3 = arith.trunci %2 : i32 to i4
    linalg.yield %3 : i4
  } -> tensor<8xi4>
  return %0 : tensor<8xi4>
}

// -----

// What has the sign in all higher bits before it is truncated needs no sign extension.
#id = affine_map<(d0) -> (d0)>
// CHECK-LABEL: @signed(
// CHECK:         %[[CODE:.*]] = arith.select
// CHECK:         %[[WIDE:.*]] = arith.trunci %[[CODE]] : i32 to i8
// CHECK-NOT:     arith.extsi
// CHECK:         linalg.yield %[[WIDE]] : i8
func.func @signed(%x: tensor<8xi32>, %y: tensor<8xi4>) -> tensor<8xi4> {
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<8xi32>) outs(%y : tensor<8xi4>) {
  ^bb0(%a: i32, %b: i4):
    %c7 = arith.constant 7 : i32
    %c28 = arith.constant 28 : i32
    %cm8 = arith.constant -8 : i32
    %low = arith.andi %a, %c7 : i32
    %shifted = arith.shrsi %a, %c28 : i32
    %sign = arith.andi %shifted, %cm8 : i32
    %code = arith.ori %low, %sign : i32
    %is = arith.cmpi eq, %a, %c28 : i32
    %chosen = arith.select %is, %c7, %code : i32
    %narrow = arith.trunci %chosen : i32 to i4
    linalg.yield %narrow : i4
  } -> tensor<8xi4>
  return %0 : tensor<8xi4>
}

// A shift by one bit less leaves one bit of the number among those of the sign.
// CHECK-LABEL: @unsigned(
// CHECK:         arith.extsi {{.*}} : i4 to i8
func.func @unsigned(%x: tensor<8xi32>, %y: tensor<8xi4>) -> tensor<8xi4> {
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<8xi32>) outs(%y : tensor<8xi4>) {
  ^bb0(%a: i32, %b: i4):
    %c27 = arith.constant 27 : i32
    %shifted = arith.shrsi %a, %c27 : i32
    %narrow = arith.trunci %shifted : i32 to i4
    linalg.yield %narrow : i4
  } -> tensor<8xi4>
  return %0 : tensor<8xi4>
}

// -----

// Named operations are generalized: their bodies depend on the element types.
// CHECK-LABEL: @matmul(
// CHECK-NOT:     linalg.matmul
// CHECK:         linalg.generic
// CHECK:         arith.trunci {{.*}} : i8 to i6
// CHECK:         arith.trunci {{.*}} : i16 to i12
func.func @matmul(%x: tensor<2x3xi6>, %w: tensor<3x4xi12>, %y: tensor<2x4xi32>) -> tensor<2x4xi32> {
  %0 = linalg.matmul ins(%x, %w : tensor<2x3xi6>, tensor<3x4xi12>) outs(%y : tensor<2x4xi32>) -> tensor<2x4xi32>
  return %0 : tensor<2x4xi32>
}

// -----

// CHECK-LABEL: @constants(
// CHECK:         arith.constant dense<[-8, 7, 1]> : tensor<3xi8>
// CHECK:         arith.constant dense<-2> : tensor<4xi16>
// CHECK:         arith.constant dense<[2, -1]> : tensor<2xi8>
// CHECK:         arith.constant dense_resource<codes> : tensor<3xi8>
// CHECK:         arith.constant dense<[1, 0]> : tensor<2xi8>
func.func @constants() -> (tensor<3xi4>, tensor<4xi9>, tensor<2xf4E2M1FN>, tensor<3xi4>, tensor<2xi1>) {
  %0 = arith.constant dense<[-8, 7, 1]> : tensor<3xi4>
  %1 = arith.constant dense<-2> : tensor<4xi9>
  // The code of 1.0 is 0b0010, that of -6.0 is 0b1111.
  %2 = arith.constant dense<[1.0, -6.0]> : tensor<2xf4E2M1FN>
  %3 = arith.constant dense_resource<codes> : tensor<3xi4>
  %4 = arith.constant dense<[true, false]> : tensor<2xi1>
  return %0, %1, %2, %3, %4 : tensor<3xi4>, tensor<4xi9>, tensor<2xf4E2M1FN>, tensor<3xi4>, tensor<2xi1>
}

{-#
  dialect_resources: { builtin: { codes: "0x01000000010203" } }
#-}

// -----

// Operations that move elements change type; those that see one element convert it.
// CHECK-LABEL: @moves(
// CHECK-SAME:    %[[X:.*]]: tensor<2x4xi8>, %[[C:.*]]: i4
// CHECK:         tensor.collapse_shape %[[X]] {{.*}} : tensor<2x4xi8> into tensor<8xi8>
// CHECK:         tensor.extract_slice {{.*}} : tensor<8xi8> to tensor<3xi8>
// CHECK:         tensor.pad
// CHECK:           %[[P:.*]] = arith.extsi %[[C]] : i4 to i8
// CHECK:           tensor.yield %[[P]] : i8
// CHECK:         %[[E:.*]] = tensor.extract {{.*}} : tensor<5xi8>
// CHECK:         %[[T:.*]] = arith.trunci %[[E]] : i8 to i4
// CHECK:         %[[I:.*]] = arith.extsi %[[C]] : i4 to i8
// CHECK:         tensor.insert %[[I]] into
// CHECK:         return {{.*}} : tensor<5xi8>, i4
func.func @moves(%x: tensor<2x4xi4>, %c: i4) -> (tensor<5xi4>, i4) {
  %0 = tensor.collapse_shape %x [[0, 1]] : tensor<2x4xi4> into tensor<8xi4>
  %1 = tensor.extract_slice %0[1] [3] [1] : tensor<8xi4> to tensor<3xi4>
  %2 = tensor.pad %1 low[1] high[1] {
  ^bb0(%i: index):
    tensor.yield %c : i4
  } : tensor<3xi4> to tensor<5xi4>
  %c0 = arith.constant 0 : index
  %3 = tensor.extract %2[%c0] : tensor<5xi4>
  %4 = tensor.insert %c into %2[%c0] : tensor<5xi4>
  return %4, %3 : tensor<5xi4>, i4
}

// -----

// Calls and structured control flow follow the signatures.
// CHECK-LABEL: func.func private @callee(tensor<4xi8>) -> tensor<4xi8>
// CHECK-LABEL: @control(
// CHECK:         scf.if {{.*}} -> (tensor<4xi8>)
// CHECK:           call @callee({{.*}}) : (tensor<4xi8>) -> tensor<4xi8>
func.func private @callee(tensor<4xi2>) -> tensor<4xi2>
func.func @control(%c: i1, %x: tensor<4xi2>) -> tensor<4xi2> {
  %0 = scf.if %c -> tensor<4xi2> {
    %1 = func.call @callee(%x) : (tensor<4xi2>) -> tensor<4xi2>
    scf.yield %1 : tensor<4xi2>
  } else {
    scf.yield %x : tensor<4xi2>
  }
  return %0 : tensor<4xi2>
}
