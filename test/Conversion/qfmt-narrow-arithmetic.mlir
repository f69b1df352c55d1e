// RUN: qfmt-opt %s --qfmt-narrow-arithmetic --canonicalize | FileCheck %s

// Entries agree in the bits that are shifted out: they are added behind the
// shift. 1 << 32 is no 32-bit number, but nothing of it is left modulo 2^32.
// CHECK-LABEL: func.func @behind
// CHECK: ^bb0(%[[CODE:.*]]: i8, %[[X:.*]]: i32, %{{.*}}: i32):
// CHECK: %[[WIDE:.*]] = arith.extsi %[[X]] : i32 to i64
// CHECK: %[[P:.*]] = arith.muli %[[WIDE]], %[[WIDE]] : i64
// CHECK: %[[SUM:.*]] = arith.addi %[[P]], %c128_i64 : i64
// CHECK: %[[S:.*]] = arith.shrsi %[[SUM]], %c8_i64 : i64
// CHECK: %[[LOW:.*]] = arith.trunci %[[S]] : i64 to i32
// CHECK: %[[T:.*]] = qfmt.lookup %[[CODE]] in dense<[-3, 5, 0]> : tensor<3xi32> : i8 to i32
// CHECK: %[[R:.*]] = arith.addi %[[LOW]], %[[T]] : i32
// CHECK: linalg.yield %[[R]]
func.func @behind(%codes: tensor<40xi8>, %x: tensor<40xi32>) -> tensor<40xi32> {
  %c8 = arith.constant 8 : i64
  %empty = tensor.empty() : tensor<40xi32>
  %r = linalg.generic {
      indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
      iterator_types = ["parallel"]}
      ins(%codes, %x : tensor<40xi8>, tensor<40xi32>) outs(%empty : tensor<40xi32>) {
  ^bb0(%code: i8, %a: i32, %out: i32):
    %a64 = arith.extsi %a : i32 to i64
    %p = arith.muli %a64, %a64 : i64
    // -3 * 256 + 128, 5 * 256 + 128, 2^40 + 128
    %t = qfmt.lookup %code in dense<[-640, 1408, 1099511627904]> : tensor<3xi64> : i8 to i64
    %sum = arith.addi %p, %t : i64
    %s = arith.shrsi %sum, %c8 : i64
    %low = arith.trunci %s : i64 to i32
    linalg.yield %low : i32
  } -> tensor<40xi32>
  return %r : tensor<40xi32>
}

// They do not, but all are multiples of 16, and what is left of the product
// then fits 32 bits.
// CHECK-LABEL: func.func @between
// CHECK: %[[P:.*]] = arith.muli %{{.*}} : i64
// CHECK: %[[S:.*]] = arith.shrsi %[[P]], %c4_i64 : i64
// CHECK: %[[LOW:.*]] = arith.trunci %[[S]] : i64 to i32
// CHECK: %[[T:.*]] = qfmt.lookup %{{.*}} in dense<[1, -1000]> : tensor<2xi32> : i8 to i32
// CHECK: %[[SUM:.*]] = arith.addi %[[LOW]], %[[T]] : i32
// CHECK: arith.shrsi %[[SUM]], %c16_i32 : i32
func.func @between(%codes: tensor<40xi8>, %x: tensor<40xi16>) -> tensor<40xi32> {
  %c20 = arith.constant 20 : i64
  %m = arith.constant 500000 : i64
  %empty = tensor.empty() : tensor<40xi32>
  %r = linalg.generic {
      indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
      iterator_types = ["parallel"]}
      ins(%codes, %x : tensor<40xi8>, tensor<40xi16>) outs(%empty : tensor<40xi32>) {
  ^bb0(%code: i8, %a: i16, %out: i32):
    %a64 = arith.extsi %a : i16 to i64
    %p = arith.muli %a64, %m : i64
    %t = qfmt.lookup %code in dense<[16, -16000]> : tensor<2xi64> : i8 to i64
    %sum = arith.addi %p, %t : i64
    %s = arith.shrsi %sum, %c20 : i64
    %low = arith.trunci %s : i64 to i32
    linalg.yield %low : i32
  } -> tensor<40xi32>
  return %r : tensor<40xi32>
}

// Nothing exceeds 32 bits, or 32 bits without a sign.
// CHECK-LABEL: func.func @small
// CHECK-NOT: i64
// CHECK: arith.shrsi %{{.*}}, %c11_i32 : i32
// CHECK: arith.shrui %{{.*}}, %c11_i32 : i32
// CHECK-NOT: i64
// CHECK: return
func.func @small(%x: tensor<40xi16>) -> (tensor<40xi32>, tensor<40xi32>) {
  %c11 = arith.constant 11 : i64
  %m = arith.constant -65535 : i64
  %c40000 = arith.constant 40000 : i64
  %empty = tensor.empty() : tensor<40xi32>
  %r, %q = linalg.generic {
      indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
      iterator_types = ["parallel"]}
      ins(%x : tensor<40xi16>) outs(%empty, %empty : tensor<40xi32>, tensor<40xi32>) {
  ^bb0(%a: i16, %out: i32, %out2: i32):
    %a64 = arith.extsi %a : i16 to i64
    %p = arith.muli %a64, %m : i64
    %s = arith.shrsi %p, %c11 : i64
    %low = arith.trunci %s : i64 to i32
    %u64 = arith.extui %a : i16 to i64
    %u = arith.muli %u64, %c40000 : i64
    %us = arith.shrsi %u, %c11 : i64
    %ulow = arith.trunci %us : i64 to i32
    linalg.yield %low, %ulow : i32, i32
  } -> (tensor<40xi32>, tensor<40xi32>)
  return %r, %q : tensor<40xi32>, tensor<40xi32>
}

// A sum that may need 33 bits and a sign stays; its table becomes smaller.
// CHECK-LABEL: func.func @large
// CHECK: %[[T:.*]] = qfmt.lookup %{{.*}} in dense<[1, 3]> : tensor<2xi32> : i8 to i32
// CHECK: %[[WIDE:.*]] = arith.extsi %[[T]] : i32 to i64
// CHECK: %[[UP:.*]] = arith.shli %[[WIDE]], %c31_i64 : i64
// CHECK: %[[SUM:.*]] = arith.addi %{{.*}}, %[[UP]] : i64
// CHECK: arith.shrui %[[SUM]], %c32_i64 : i64
func.func @large(%codes: tensor<40xi8>, %x: tensor<40xi32>) -> tensor<40xi32> {
  %c32 = arith.constant 32 : i64
  %empty = tensor.empty() : tensor<40xi32>
  %r = linalg.generic {
      indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
      iterator_types = ["parallel"]}
      ins(%codes, %x : tensor<40xi8>, tensor<40xi32>) outs(%empty : tensor<40xi32>) {
  ^bb0(%code: i8, %a: i32, %out: i32):
    %a64 = arith.extsi %a : i32 to i64
    %t = qfmt.lookup %code in dense<[2147483648, 6442450944]> : tensor<2xi64> : i8 to i64
    %sum = arith.addi %a64, %t : i64
    %s = arith.shrsi %sum, %c32 : i64
    %low = arith.trunci %s : i64 to i32
    linalg.yield %low : i32
  } -> tensor<40xi32>
  return %r : tensor<40xi32>
}

// What has no results, or none that are read, may do something else.
// CHECK-LABEL: func.func @effects
// CHECK: cf.assert
// CHECK: func.call @note
// CHECK: arith.addi %{{.*}} : i32
func.func private @note(i32)
func.func @effects(%x: tensor<40xi32>) -> tensor<40xi32> {
  %empty = tensor.empty() : tensor<40xi32>
  %r = linalg.generic {
      indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
      iterator_types = ["parallel"]}
      ins(%x : tensor<40xi32>) outs(%empty : tensor<40xi32>) {
  ^bb0(%a: i32, %out: i32):
    %zero = arith.constant 0 : i32
    %isValid = arith.cmpi ne, %a, %zero : i32
    cf.assert %isValid, "zero"
    func.call @note(%a) : (i32) -> ()
    %a64 = arith.extsi %a : i32 to i64
    %sum = arith.addi %a64, %a64 : i64
    %low = arith.trunci %sum : i64 to i32
    linalg.yield %low : i32
  } -> tensor<40xi32>
  return %r : tensor<40xi32>
}
