// RUN: qfmt-opt %s --qfmt-high-products=instructions=madd256 --canonicalize | FileCheck %s --check-prefixes=CHECK,NARROW
// RUN: qfmt-opt %s --qfmt-high-products=instructions=madd512 --canonicalize | FileCheck %s --check-prefixes=CHECK,WIDE
// RUN: qfmt-opt %s --qfmt-high-products=instructions=madd128 | FileCheck %s --check-prefix=OTHER

// CHECK-LABEL: func.func @high
// CHECK-SAME: (%[[A:.*]]: vector<16xi32>, %[[B:.*]]: vector<16xi32>)
// CHECK: %[[PAIRS:.*]] = vector.bitcast %[[A]] : vector<16xi32> to vector<8xi64>
// CHECK: %[[LOW:.*]] = arith.shli %[[PAIRS]]
// CHECK: %[[EVEN:.*]] = arith.shrsi %[[LOW]]
// CHECK: %[[ODD:.*]] = arith.shrsi %[[PAIRS]]
// CHECK: %[[E:.*]] = arith.muli %[[EVEN]], %{{.*}} : vector<8xi64>
// CHECK: %[[O:.*]] = arith.muli %[[ODD]], %{{.*}} : vector<8xi64>
// CHECK: %[[ES:.*]] = arith.shrsi %[[E]], %{{.*}} : vector<8xi64>
// CHECK: %[[OS:.*]] = arith.shrsi %[[O]], %{{.*}} : vector<8xi64>
// CHECK: %[[L:.*]] = arith.andi %[[ES]], %{{.*}} : vector<8xi64>
// CHECK: %[[U:.*]] = arith.shli %[[OS]], %{{.*}} : vector<8xi64>
// CHECK: %[[BOTH:.*]] = arith.ori %[[L]], %[[U]] : vector<8xi64>
// CHECK: vector.bitcast %[[BOTH]] : vector<8xi64> to vector<16xi32>
// OTHER-LABEL: func.func @high
// OTHER: arith.muli %{{.*}} : vector<16xi64>
func.func @high(%a: vector<16xi32>, %b: vector<16xi32>) -> vector<16xi32> {
  %c = arith.constant dense<32> : vector<16xi64>
  %a64 = arith.extsi %a : vector<16xi32> to vector<16xi64>
  %b64 = arith.extsi %b : vector<16xi32> to vector<16xi64>
  %p = arith.muli %a64, %b64 : vector<16xi64>
  %s = arith.shrsi %p, %c : vector<16xi64>
  %h = arith.trunci %s : vector<16xi64> to vector<16xi32>
  return %h : vector<16xi32>
}

// A scalar multiplier, and constants that differ. Eight elements fit a register
// of 512 bits.
// CHECK-LABEL: func.func @scalar
// NARROW-DAG: arith.constant dense<[1, 3, 5, 7]> : vector<4xi64>
// NARROW-DAG: arith.constant dense<[2, 4, 6, 8]> : vector<4xi64>
// NARROW: vector.broadcast %{{.*}} : i64 to vector<4xi64>
// NARROW-COUNT-2: arith.muli %{{.*}} : vector<4xi64>
// NARROW-COUNT-2: arith.addi %{{.*}} : vector<4xi64>
// WIDE: arith.muli %{{.*}} : vector<8xi64>
func.func @scalar(%a: vector<8xi32>, %b: i32) -> vector<8xi32> {
  %c = arith.constant dense<30> : vector<8xi64>
  %d = arith.constant dense<[1, 2, 3, 4, 5, 6, 7, 8]> : vector<8xi64>
  %a64 = arith.extsi %a : vector<8xi32> to vector<8xi64>
  %b64 = arith.extsi %b : i32 to i64
  %v = vector.broadcast %b64 : i64 to vector<8xi64>
  %p = arith.muli %a64, %v : vector<8xi64>
  %q = arith.addi %p, %d : vector<8xi64>
  %s = arith.shrui %q, %c : vector<8xi64>
  %h = arith.trunci %s : vector<8xi64> to vector<8xi32>
  return %h : vector<8xi32>
}

// What is extended again stays apart; comparisons, narrower numbers and
// unsigned ones.
// CHECK-LABEL: func.func @chain
// CHECK-NOT: vector<16xi64>
// CHECK: arith.cmpi slt, %{{.*}} : vector<8xi64>
// CHECK-COUNT-2: arith.select %{{.*}} : vector<8xi1>, vector<8xi64>
// CHECK: arith.trunci %{{.*}} : vector<16xi32> to vector<16xi16>
// CHECK-NOT: vector<16xi64>
func.func @chain(%a: vector<16xi16>, %b: vector<16xi32>) -> vector<16xi16> {
  %c = arith.constant dense<25> : vector<16xi64>
  %a64 = arith.extsi %a : vector<16xi16> to vector<16xi64>
  %b64 = arith.extui %b : vector<16xi32> to vector<16xi64>
  %p = arith.muli %a64, %b64 : vector<16xi64>
  %s = arith.shrsi %p, %c : vector<16xi64>
  %h = arith.trunci %s : vector<16xi64> to vector<16xi32>
  %h64 = arith.extsi %h : vector<16xi32> to vector<16xi64>
  %q = arith.muli %h64, %a64 : vector<16xi64>
  %less = arith.cmpi slt, %q, %b64 : vector<16xi64>
  %m = arith.select %less, %q, %p : vector<16xi1>, vector<16xi64>
  %r = arith.trunci %m : vector<16xi64> to vector<16xi16>
  return %r : vector<16xi16>
}

// Numbers that come in 64 bits, or leave so.
// CHECK-LABEL: func.func @others
// CHECK-NOT: vector.bitcast
func.func @others(%a: vector<16xi32>, %b: vector<16xi64>) -> (vector<16xi32>, vector<16xi64>) {
  %c = arith.constant dense<32> : vector<16xi64>
  %a64 = arith.extsi %a : vector<16xi32> to vector<16xi64>
  %p = arith.muli %a64, %b : vector<16xi64>
  %s = arith.shrui %p, %c : vector<16xi64>
  %h = arith.trunci %s : vector<16xi64> to vector<16xi32>
  %q = arith.muli %a64, %a64 : vector<16xi64>
  %t = arith.shrui %q, %c : vector<16xi64>
  return %h, %t : vector<16xi32>, vector<16xi64>
}

// Conditions of one bit: one for all elements, and constant ones.
// CHECK-LABEL: func.func @conditions
// CHECK-SAME: (%[[FLAG:.*]]: i1,
// CHECK-DAG: arith.constant dense<[true, true, true, false, true, true, false, true]> : vector<8xi1>
// CHECK-DAG: arith.constant dense<[false, true, false, true, false, true, true, false]> : vector<8xi1>
// CHECK: vector.broadcast %[[FLAG]] : i1 to vector<8xi1>
// CHECK-COUNT-4: arith.select %{{.*}} : vector<8xi1>, vector<8xi64>
// CHECK-NOT: vector<16xi64>
func.func @conditions(%flag: i1, %a: vector<16xi32>, %b: vector<16xi32>) -> vector<16xi32> {
  %a64 = arith.extsi %a : vector<16xi32> to vector<16xi64>
  %b64 = arith.extsi %b : vector<16xi32> to vector<16xi64>
  %all = vector.broadcast %flag : i1 to vector<16xi1>
  %some = arith.constant dense<[true, false, true, true, true, false, false, true,
                                true, false, true, true, false, true, true, false]> : vector<16xi1>
  %s = arith.select %all, %a64, %b64 : vector<16xi1>, vector<16xi64>
  %t = arith.select %some, %s, %b64 : vector<16xi1>, vector<16xi64>
  %r = arith.trunci %t : vector<16xi64> to vector<16xi32>
  return %r : vector<16xi32>
}

// What is uniform as a vector is not split.
// CHECK-LABEL: func.func @vector_of_one
// CHECK: vector.broadcast %{{.*}} : vector<1xi64> to vector<16xi64>
// CHECK: arith.muli %{{.*}} : vector<16xi64>
func.func @vector_of_one(%a: vector<16xi32>, %b: vector<1xi64>) -> vector<16xi32> {
  %a64 = arith.extsi %a : vector<16xi32> to vector<16xi64>
  %b64 = vector.broadcast %b : vector<1xi64> to vector<16xi64>
  %p = arith.muli %a64, %b64 : vector<16xi64>
  %r = arith.trunci %p : vector<16xi64> to vector<16xi32>
  return %r : vector<16xi32>
}
