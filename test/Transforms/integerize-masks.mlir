// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false},canonicalize,cse,qfmt-verify-level{level=integer})' | FileCheck %s
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize,qfmt-decompose,canonicalize,qfmt-verify-integer-only)' -o /dev/null

#id = affine_map<(r, c) -> (r, c)>
#row = affine_map<(r, c) -> (r, 0)>
#col = affine_map<(r, c) -> (c)>
#line = affine_map<(d) -> (d)>
!x = tensor<2x4xf32, #qfmt.scaled<i8, scale = 0.25>>
!y = tensor<2x4xf32, #qfmt.scaled<ui8, scale = 0.00390625>>

// Scores are at least -128 * 0.25; 32 below is -256 units, and exp(-32) is
// nothing. What is not masked is at most 127.
// CHECK-LABEL: func.func @constant
// CHECK: arith.constant dense<{{\[}}[127, -256, -256, -256], [127, 127, -256, -256]]> : tensor<2x4xi32>
// CHECK: linalg.generic
// CHECK: arith.minsi
// CHECK-NOT: i64
// CHECK: arith.maxsi %{{.*}} : i16
// CHECK: arith.subi %{{.*}} : i32
// CHECK: qfmt.error_bound = 0.00195{{[0-9]*}} : f64
func.func @constant(%x: !x) -> !y {
  %mask = arith.constant dense<[[0.0, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0xFF800000, 0xFF800000]]> : tensor<2x4xf32>
  %wide = tensor.empty() : tensor<2x4xf32>
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %mask : !x, tensor<2x4xf32>) outs(%wide : tensor<2x4xf32>) {
  ^bb0(%a: f32, %m: f32, %o: f32):
    %0 = arith.addf %a, %m : f32
    linalg.yield %0 : f32
  } -> tensor<2x4xf32>
  %thin = tensor.empty() : tensor<2x1xf32>
  %low = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %lows = linalg.fill ins(%low : f32) outs(%thin : tensor<2x1xf32>) -> tensor<2x1xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%thin : tensor<2x1xf32>) -> tensor<2x1xf32>
  %top = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%s : tensor<2x4xf32>) outs(%lows : tensor<2x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.maximumf %a, %o : f32
    linalg.yield %0 : f32
  } -> tensor<2x1xf32>
  %e = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%s, %top : tensor<2x4xf32>, tensor<2x1xf32>) outs(%wide : tensor<2x4xf32>) {
  ^bb0(%a: f32, %m: f32, %o: f32):
    %0 = arith.subf %a, %m : f32
    %1 = math.exp %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x4xf32>
  %sum = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%e : tensor<2x4xf32>) outs(%zeros : tensor<2x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.addf %a, %o : f32
    linalg.yield %0 : f32
  } -> tensor<2x1xf32>
  %p = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%e, %sum : tensor<2x4xf32>, tensor<2x1xf32>) outs(%wide : tensor<2x4xf32>) {
  ^bb0(%a: f32, %m: f32, %o: f32):
    %0 = arith.divf %a, %m : f32
    linalg.yield %0 : f32
  } -> tensor<2x4xf32>
  %q = qfmt.quantize %p : tensor<2x4xf32> to !y
  return %q : !y
}

// Truth values stay arguments. A mask of the lowest float absorbs the scores,
// one of -1e12 keeps their differences, 32 and their
// range below.
// CHECK-LABEL: func.func @computed(%arg0: {{.*}}, %arg1: tensor<4xi1>)
// CHECK: arith.extui %{{.*}} : i1 to i32
// CHECK: arith.cmpi ne
// CHECK: arith.select %{{.*}}, %c-256_i32, %{{.*}} : i32
// CHECK: arith.addi %{{.*}}, %c-383_i32
// CHECK: arith.select
func.func @computed(%x: !x, %m: tensor<4xi1>) -> (!y, !y) {
  %wide = tensor.empty() : tensor<2x4xf32>
  %one = arith.constant 1.0 : f32
  %lowest = arith.constant -3.40282347E+38 : f32
  %large = arith.constant -1.0e12 : f32
  %s:2 = linalg.generic {indexing_maps = [#id, #col, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %m : !x, tensor<4xi1>) outs(%wide, %wide : tensor<2x4xf32>, tensor<2x4xf32>) {
  ^bb0(%a: f32, %b: i1, %o: f32, %p: f32):
    %0 = arith.uitofp %b : i1 to f32
    %1 = arith.subf %one, %0 : f32
    %2 = arith.mulf %1, %lowest : f32
    %3 = arith.addf %a, %2 : f32
    %4 = arith.mulf %1, %large : f32
    %5 = arith.addf %a, %4 : f32
    linalg.yield %3, %5 : f32, f32
  } -> (tensor<2x4xf32>, tensor<2x4xf32>)
  // As codes, masked scores are the lowest.
  %q = qfmt.quantize %s#0 : tensor<2x4xf32> to !y
  %r = qfmt.quantize %s#1 : tensor<2x4xf32> to !y
  return %q, %r : !y, !y
}

// A comparison of functions of a code is one of codes: tanh(x) > 0.5 is
// x > 0.549, from the code 3 on; 2^|x| is above 4 at both ends.
// CHECK-LABEL: func.func @predicates
// CHECK: arith.cmpi sge, %{{.*}}, %c3_i32
// CHECK: arith.select
// CHECK: arith.cmpi sle, %{{.*}}, %c-9_i32
// CHECK: arith.cmpi sge, %{{.*}}, %c9_i32
// CHECK: arith.ori
// CHECK: arith.select
func.func @predicates(%x: tensor<4xf32, #qfmt.scaled<i8, scale = 0.25>>, %y: tensor<4xf32, #qfmt.scaled<i8, scale = 0.25>>) -> tensor<4xf32, #qfmt.scaled<i8, scale = 0.25>> {
  %half = arith.constant 0.5 : f32
  %four = arith.constant 4.0 : f32
  %empty = tensor.empty() : tensor<4xf32>
  %s = linalg.generic {indexing_maps = [#line, #line, #line], iterator_types = ["parallel"]} ins(%x, %y : tensor<4xf32, #qfmt.scaled<i8, scale = 0.25>>, tensor<4xf32, #qfmt.scaled<i8, scale = 0.25>>) outs(%empty : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = math.tanh %a : f32
    %1 = arith.cmpf ogt, %0, %half : f32
    %2 = arith.select %1, %a, %b : f32
    %3 = math.absf %a : f32
    %4 = math.exp2 %3 : f32
    %5 = arith.cmpf ogt, %4, %four : f32
    %6 = arith.select %5, %b, %2 : f32
    linalg.yield %6 : f32
  } -> tensor<4xf32>
  %q = qfmt.quantize %s : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8, scale = 0.25>>
  return %q : tensor<4xf32, #qfmt.scaled<i8, scale = 0.25>>
}

// -1.5 is -1.7e9 units of the product, and no number that exp would not see: it
// is added, in 32 bits.
// CHECK-LABEL: func.func @fine
// CHECK-NOT: arith.minsi
// CHECK: arith.muli
// CHECK-NOT: arith.minsi
// CHECK: arith.addi
// CHECK: qfmt.error_bound = 5.000{{[0-9]*}}E-5 : f64
func.func @fine(%x: tensor<2xf32, #qfmt.scaled<i16, scale = 3.0e-05>>, %y: tensor<2xf32, #qfmt.scaled<i16, scale = 3.0e-05>>) -> tensor<2xf32, #qfmt.scaled<i16, scale = 1.0e-04>> {
  %bias = arith.constant dense<[0.0, -1.5]> : tensor<2xf32>
  %empty = tensor.empty() : tensor<2xf32>
  %s = linalg.generic {indexing_maps = [#line, #line, #line, #line], iterator_types = ["parallel"]} ins(%x, %y, %bias : tensor<2xf32, #qfmt.scaled<i16, scale = 3.0e-05>>, tensor<2xf32, #qfmt.scaled<i16, scale = 3.0e-05>>, tensor<2xf32>) outs(%empty : tensor<2xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %o: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %0, %c : f32
    linalg.yield %1 : f32
  } -> tensor<2xf32>
  %q = qfmt.quantize %s : tensor<2xf32> to tensor<2xf32, #qfmt.scaled<i16, scale = 1.0e-04>>
  return %q : tensor<2xf32, #qfmt.scaled<i16, scale = 1.0e-04>>
}
