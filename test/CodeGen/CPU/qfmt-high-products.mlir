// RUN: qfmt-opt %s --qfmt-high-products=instructions=madd256 | FileCheck %s
// RUN: qfmt-opt %s --qfmt-high-products=instructions=madd128 | FileCheck %s --check-prefix=OTHER

// CHECK-LABEL: func.func @high
// CHECK-SAME: (%[[A:.*]]: vector<16xi32>, %[[B:.*]]: vector<16xi32>)
// CHECK: %[[PAIRS:.*]] = vector.bitcast %[[A]] : vector<16xi32> to vector<8xi64>
// CHECK: %[[LOW:.*]] = arith.shli %[[PAIRS]]
// CHECK: %[[EVEN:.*]] = arith.shrsi %[[LOW]]
// CHECK: %[[ODD:.*]] = arith.shrsi %[[PAIRS]]
// CHECK: %[[E:.*]] = arith.muli %[[EVEN]], %{{.*}} : vector<8xi64>
// CHECK: %[[O:.*]] = arith.muli %[[ODD]], %{{.*}} : vector<8xi64>
// CHECK: arith.shrui %[[E]]
// CHECK: arith.andi %[[O]], %{{.*}} : vector<8xi64>
// CHECK: vector.bitcast %{{.*}} : vector<8xi64> to vector<16xi32>
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

// A scalar multiplier, and a constant one.
// CHECK-LABEL: func.func @scalar
// CHECK: vector.broadcast %{{.*}} : i64 to vector<4xi64>
// CHECK-COUNT-2: arith.muli %{{.*}} : vector<4xi64>
// CHECK-COUNT-2: arith.muli %{{.*}} : vector<4xi64>
func.func @scalar(%a: vector<8xi32>, %b: i32) -> (vector<8xi32>, vector<8xi32>) {
  %c = arith.constant dense<32> : vector<8xi64>
  %seven = arith.constant dense<7> : vector<8xi64>
  %a64 = arith.extsi %a : vector<8xi32> to vector<8xi64>
  %b64 = arith.extsi %b : i32 to i64
  %v = vector.broadcast %b64 : i64 to vector<8xi64>
  %p = arith.muli %a64, %v : vector<8xi64>
  %s = arith.shrui %p, %c : vector<8xi64>
  %h = arith.trunci %s : vector<8xi64> to vector<8xi32>
  %q = arith.muli %a64, %seven : vector<8xi64>
  %t = arith.shrui %q, %c : vector<8xi64>
  %i = arith.trunci %t : vector<8xi64> to vector<8xi32>
  return %h, %i : vector<8xi32>, vector<8xi32>
}

// Other places, and factors of more than 32 bits.
// CHECK-LABEL: func.func @others
// CHECK-NOT: vector.bitcast
func.func @others(%a: vector<8xi32>, %b: vector<8xi64>) -> (vector<8xi32>, vector<8xi32>) {
  %c = arith.constant dense<32> : vector<8xi64>
  %d = arith.constant dense<31> : vector<8xi64>
  %a64 = arith.extsi %a : vector<8xi32> to vector<8xi64>
  %p = arith.muli %a64, %b : vector<8xi64>
  %s = arith.shrui %p, %c : vector<8xi64>
  %h = arith.trunci %s : vector<8xi64> to vector<8xi32>
  %q = arith.muli %a64, %a64 : vector<8xi64>
  %t = arith.shrui %q, %d : vector<8xi64>
  %i = arith.trunci %t : vector<8xi64> to vector<8xi32>
  return %h, %i : vector<8xi32>, vector<8xi32>
}
