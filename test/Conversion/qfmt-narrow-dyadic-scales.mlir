// RUN: qfmt-opt %s --qfmt-narrow-dyadic-scales | FileCheck %s

#id = affine_map<(m, n) -> (m, n)>
#n = affine_map<(m, n) -> (n)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>

// 64 products of bytes are less than 2^20; odd multipliers and shifts of 38 leave no ties.
// CHECK-LABEL: @product(
// CHECK-DAG:     %[[MULTIPLIERS:.*]] = arith.constant dense<[1073741825, 2147483647]> : tensor<2xi32>
// CHECK-DAG:     %[[ROUNDING:.*]] = arith.constant dense<[32, 64]> : tensor<2xi32>
// CHECK-DAG:     %[[SHIFTS:.*]] = arith.constant dense<[6, 7]> : tensor<2xi32>
// CHECK:         linalg.generic {{.*}} ins(%{{.*}}, %[[MULTIPLIERS]], %[[ROUNDING]], %[[SHIFTS]] : tensor<8x2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>)
// CHECK-NEXT:    ^bb0(%[[ACC:.*]]: i32, %[[M:.*]]: i32, %[[R:.*]]: i32, %[[S:.*]]: i32, %{{.*}}: i8):
// CHECK:           %[[P:.*]] = arith.muli %{{.*}}, %{{.*}} : i64
// CHECK:           %[[UPPER:.*]] = arith.shrsi %[[P]], %{{.*}} : i64
// CHECK:           %[[HIGH:.*]] = arith.trunci %[[UPPER]] : i64 to i32
// CHECK:           %[[SUM:.*]] = arith.addi %[[HIGH]], %[[R]] : i32
// CHECK:           %[[SCALED:.*]] = arith.shrsi %[[SUM]], %[[S]] : i32
// CHECK:           %[[LEAST:.*]] = arith.maxsi %[[SCALED]], %{{.*}} : i32
// CHECK:           %[[MOST:.*]] = arith.minsi %[[LEAST]], %{{.*}} : i32
// CHECK:           arith.trunci %[[MOST]] : i32 to i8
// CHECK-NOT:     qfmt.dyadic_scale
func.func @product(%x: tensor<8x64xi8>, %w: tensor<64x2xi8>) -> tensor<8x2xi8> {
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<8x2xi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<8x2xi32>) -> tensor<8x2xi32>
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<8x64xi8>, tensor<64x2xi8>) outs(%init : tensor<8x2xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  } -> tensor<8x2xi32>
  %m = arith.constant dense<[1073741825, 2147483647]> : tensor<2xi32>
  %s = arith.constant dense<[38, 39]> : tensor<2xi64>
  %q = tensor.empty() : tensor<8x2xi8>
  %r = linalg.generic {indexing_maps = [#id, #n, #n, #id], iterator_types = ["parallel", "parallel"]} ins(%y, %m, %s : tensor<8x2xi32>, tensor<2xi32>, tensor<2xi64>) outs(%q : tensor<8x2xi8>) {
  ^bb0(%acc: i32, %f: i32, %t: i64, %o: i8):
    %scaled = qfmt.dyadic_scale %acc, %f, %t : i32, i32, i64 to i8
    linalg.yield %scaled : i8
  } -> tensor<8x2xi8>
  return %r : tensor<8x2xi8>
}

// Multipliers of 64 bits; scalars stay in the body.
// CHECK-LABEL: @wide_multipliers(
// CHECK-DAG:     %[[MULTIPLIERS:.*]] = arith.constant dense<[3, 5]> : tensor<2xi32>
// CHECK:         linalg.generic {{.*}} ins(%{{.*}}, %[[MULTIPLIERS]] : tensor<8x2xi16>, tensor<2xi32>)
// CHECK-DAG:       %[[R:.*]] = arith.constant 1 : i32
// CHECK-DAG:       %[[S:.*]] = arith.constant 1 : i32
// CHECK-NOT:     qfmt.dyadic_scale
func.func @wide_multipliers(%x: tensor<8x2xi16>) -> tensor<8x2xi64> {
  %m = arith.constant dense<[3, 5]> : tensor<2xi64>
  %s = arith.constant 33 : i64
  %q = tensor.empty() : tensor<8x2xi64>
  %r = linalg.generic {indexing_maps = [#id, #n, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %m : tensor<8x2xi16>, tensor<2xi64>) outs(%q : tensor<8x2xi64>) {
  ^bb0(%acc: i16, %f: i64, %o: i64):
    %scaled = qfmt.dyadic_scale %acc, %f, %s rounding = half_away : i16, i64, i64 to i64
    linalg.yield %scaled : i64
  } -> tensor<8x2xi64>
  return %r : tensor<8x2xi64>
}

// Any sum of 32 bits: -2^31 times a multiplier of 2 is half of 2^33, and a tie. Half up takes it as it is.
// CHECK-LABEL: @ties(
// CHECK:         %[[SCALED:.*]] = arith.shrsi %{{.*}}, %{{.*}} : i32
// CHECK:         %[[REST:.*]] = arith.andi %{{.*}}, %{{.*}} : i32
// CHECK:         %[[TIE:.*]] = arith.cmpi eq, %[[REST]], %{{.*}} : i32
// CHECK:         %[[EVEN:.*]] = arith.andi %[[SCALED]], %{{.*}} : i32
// CHECK:         arith.select %[[TIE]], %[[EVEN]], %[[SCALED]] : i32
// CHECK-LABEL: @no_ties(
// CHECK-NOT:     arith.select
// CHECK-LABEL: @half_up(
// CHECK-NOT:     arith.select
func.func @ties(%x: tensor<8x2xi32>) -> tensor<8x2xi32> {
  %m = arith.constant 2 : i32
  %s = arith.constant 33 : i32
  %q = tensor.empty() : tensor<8x2xi32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8x2xi32>) outs(%q : tensor<8x2xi32>) {
  ^bb0(%acc: i32, %o: i32):
    %scaled = qfmt.dyadic_scale %acc, %m, %s : i32, i32, i32 to i32
    linalg.yield %scaled : i32
  } -> tensor<8x2xi32>
  return %r : tensor<8x2xi32>
}
func.func @no_ties(%x: tensor<8x2xi32>) -> tensor<8x2xi32> {
  %m = arith.constant 2 : i32
  %s = arith.constant 34 : i32
  %q = tensor.empty() : tensor<8x2xi32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8x2xi32>) outs(%q : tensor<8x2xi32>) {
  ^bb0(%acc: i32, %o: i32):
    %scaled = qfmt.dyadic_scale %acc, %m, %s : i32, i32, i32 to i32
    linalg.yield %scaled : i32
  } -> tensor<8x2xi32>
  return %r : tensor<8x2xi32>
}
func.func @half_up(%x: tensor<8x2xi32>) -> tensor<8x2xi32> {
  %m = arith.constant 2 : i32
  %s = arith.constant 33 : i32
  %q = tensor.empty() : tensor<8x2xi32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8x2xi32>) outs(%q : tensor<8x2xi32>) {
  ^bb0(%acc: i32, %o: i32):
    %scaled = qfmt.dyadic_scale %acc, %m, %s rounding = half_up : i32, i32, i32 to i32
    linalg.yield %scaled : i32
  } -> tensor<8x2xi32>
  return %r : tensor<8x2xi32>
}

// CHECK-LABEL: @short_shift(
// CHECK:         arith.shli %{{.*}}, %{{.*}} : i32
// CHECK-LABEL: @no_room(
// CHECK:         qfmt.dyadic_scale
// CHECK-LABEL: @unknown_multiplier(
// CHECK:         qfmt.dyadic_scale
// CHECK-LABEL: @floor(
// CHECK:         qfmt.dyadic_scale
func.func @short_shift(%x: tensor<8x2xi8>) -> tensor<8x2xi32> {
  %m = arith.constant 3 : i32
  %s = arith.constant 32 : i32
  %q = tensor.empty() : tensor<8x2xi32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8x2xi8>) outs(%q : tensor<8x2xi32>) {
  ^bb0(%acc: i8, %o: i32):
    %scaled = qfmt.dyadic_scale %acc, %m, %s : i8, i32, i32 to i32
    linalg.yield %scaled : i32
  } -> tensor<8x2xi32>
  return %r : tensor<8x2xi32>
}
func.func @no_room(%x: tensor<8x2xi32>) -> tensor<8x2xi32> {
  %m = arith.constant 3 : i32
  %s = arith.constant 32 : i32
  %q = tensor.empty() : tensor<8x2xi32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8x2xi32>) outs(%q : tensor<8x2xi32>) {
  ^bb0(%acc: i32, %o: i32):
    %scaled = qfmt.dyadic_scale %acc, %m, %s : i32, i32, i32 to i32
    linalg.yield %scaled : i32
  } -> tensor<8x2xi32>
  return %r : tensor<8x2xi32>
}
func.func @unknown_multiplier(%x: tensor<8x2xi8>, %m: tensor<2xi32>) -> tensor<8x2xi32> {
  %s = arith.constant 40 : i32
  %q = tensor.empty() : tensor<8x2xi32>
  %r = linalg.generic {indexing_maps = [#id, #n, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %m : tensor<8x2xi8>, tensor<2xi32>) outs(%q : tensor<8x2xi32>) {
  ^bb0(%acc: i8, %f: i32, %o: i32):
    %scaled = qfmt.dyadic_scale %acc, %f, %s : i8, i32, i32 to i32
    linalg.yield %scaled : i32
  } -> tensor<8x2xi32>
  return %r : tensor<8x2xi32>
}
func.func @floor(%x: tensor<8x2xi8>) -> tensor<8x2xi32> {
  %m = arith.constant 3 : i32
  %s = arith.constant 40 : i32
  %q = tensor.empty() : tensor<8x2xi32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8x2xi8>) outs(%q : tensor<8x2xi32>) {
  ^bb0(%acc: i8, %o: i32):
    %scaled = qfmt.dyadic_scale %acc, %m, %s rounding = floor : i8, i32, i32 to i32
    linalg.yield %scaled : i32
  } -> tensor<8x2xi32>
  return %r : tensor<8x2xi32>
}
