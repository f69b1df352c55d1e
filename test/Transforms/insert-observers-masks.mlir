// RUN: qfmt-opt %s -allow-unregistered-dialect -split-input-file -qfmt-insert-observers | FileCheck %s

// The scores are observed before the mask, whatever it is: masked ones have no
// range. Masks that are computed from truth values are exact.

#id = affine_map<(r, c) -> (r, c)>
#row = affine_map<(r, c) -> (r, 0)>

// CHECK-LABEL: func @constant
// CHECK: %[[PRODUCT:.*]] = linalg.matmul
// CHECK: %[[SCORES:.*]] = qfmt.observe %[[PRODUCT]]
// CHECK: linalg.generic {{.*}} ins(%[[SCORES]], %{{.*}} :
// CHECK-NOT: qfmt.observe
// CHECK: arith.subf
// CHECK-NOT: qfmt.observe
// CHECK: %[[RESULT:.*]] = linalg.generic
// CHECK: arith.mulf
// CHECK: qfmt.observe %[[RESULT]]
func.func @constant(%a: tensor<4x4xf32>, %b: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %mask = arith.constant dense<[[0.0, -1.0e4, -1.0e4, -1.0e4], [0.0, 0.0, -1.0e4, -1.0e4], [0.0, 0.0, 0.0, -1.0e4], [0.0, 0.0, 0.0, 0.0]]> : tensor<4x4xf32>
  %zero = arith.constant 0.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %wide = tensor.empty() : tensor<4x4xf32>
  %thin = tensor.empty() : tensor<4x1xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%wide : tensor<4x4xf32>) -> tensor<4x4xf32>
  %lows = linalg.fill ins(%low : f32) outs(%thin : tensor<4x1xf32>) -> tensor<4x1xf32>
  %scores = linalg.matmul ins(%a, %b : tensor<4x4xf32>, tensor<4x4xf32>) outs(%zeros : tensor<4x4xf32>) -> tensor<4x4xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%scores, %mask : tensor<4x4xf32>, tensor<4x4xf32>) outs(%wide : tensor<4x4xf32>) {
  ^bb0(%x: f32, %m: f32, %o: f32):
    %0 = arith.addf %x, %m : f32
    linalg.yield %0 : f32
  } -> tensor<4x4xf32>
  %top = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%masked : tensor<4x4xf32>) outs(%lows : tensor<4x1xf32>) {
  ^bb0(%x: f32, %o: f32):
    %0 = arith.maximumf %x, %o : f32
    linalg.yield %0 : f32
  } -> tensor<4x1xf32>
  %e = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%masked, %top : tensor<4x4xf32>, tensor<4x1xf32>) outs(%wide : tensor<4x4xf32>) {
  ^bb0(%x: f32, %m: f32, %o: f32):
    %0 = arith.subf %x, %m : f32
    %1 = math.exp %0 : f32
    linalg.yield %1 : f32
  } -> tensor<4x4xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%e : tensor<4x4xf32>) outs(%wide : tensor<4x4xf32>) {
  ^bb0(%x: f32, %o: f32):
    %0 = arith.mulf %x, %x : f32
    linalg.yield %0 : f32
  } -> tensor<4x4xf32>
  return %r : tensor<4x4xf32>
}

// -----

#id = affine_map<(r, c) -> (r, c)>
#row = affine_map<(r, c) -> (r, 0)>

// CHECK-LABEL: func @computed
// CHECK: qfmt.observe %{{.*}} "argument.0"
// CHECK-NOT: qfmt.observe
// CHECK: arith.uitofp
// CHECK-NOT: qfmt.observe
// CHECK: arith.addf
// CHECK-NOT: qfmt.observe
// CHECK: math.exp
// CHECK: qfmt.observe
func.func @computed(%x: tensor<4x4xf32>, %m: tensor<4x4xi1>) -> tensor<4x4xf32> {
  %one = arith.constant 1.0 : f32
  %size = arith.constant -3.40282347E+38 : f32
  %low = arith.constant 0xFF800000 : f32
  %wide = tensor.empty() : tensor<4x4xf32>
  %thin = tensor.empty() : tensor<4x1xf32>
  %lows = linalg.fill ins(%low : f32) outs(%thin : tensor<4x1xf32>) -> tensor<4x1xf32>
  %mask = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%m : tensor<4x4xi1>) outs(%wide : tensor<4x4xf32>) {
  ^bb0(%b: i1, %o: f32):
    %0 = arith.uitofp %b : i1 to f32
    %1 = arith.subf %one, %0 : f32
    %2 = arith.mulf %1, %size : f32
    linalg.yield %2 : f32
  } -> tensor<4x4xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %mask : tensor<4x4xf32>, tensor<4x4xf32>) outs(%wide : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<4x4xf32>
  %top = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%masked : tensor<4x4xf32>) outs(%lows : tensor<4x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.maximumf %a, %o : f32
    linalg.yield %0 : f32
  } -> tensor<4x1xf32>
  %e = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%masked, %top : tensor<4x4xf32>, tensor<4x1xf32>) outs(%wide : tensor<4x4xf32>) {
  ^bb0(%a: f32, %t: f32, %o: f32):
    %0 = arith.subf %a, %t : f32
    %1 = math.exp %0 : f32
    linalg.yield %1 : f32
  } -> tensor<4x4xf32>
  return %e : tensor<4x4xf32>
}

// -----

// There are 2^24 ways from the sum to the constant; each step is looked at once.
// CHECK-LABEL: func @many_ways
// CHECK: qfmt.observe %arg0
func.func @many_ways(%x: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %0 = arith.constant dense<[1.0e-3, 2.0e-3, 3.0e-3, 4.0e-3]> : tensor<4xf32>
  %1 = linalg.add ins(%0, %0 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %2 = linalg.add ins(%1, %1 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %3 = linalg.add ins(%2, %2 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %4 = linalg.add ins(%3, %3 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %5 = linalg.add ins(%4, %4 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %6 = linalg.add ins(%5, %5 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %7 = linalg.add ins(%6, %6 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %8 = linalg.add ins(%7, %7 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %9 = linalg.add ins(%8, %8 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %10 = linalg.add ins(%9, %9 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %11 = linalg.add ins(%10, %10 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %12 = linalg.add ins(%11, %11 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %13 = linalg.add ins(%12, %12 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %14 = linalg.add ins(%13, %13 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %15 = linalg.add ins(%14, %14 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %16 = linalg.add ins(%15, %15 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %17 = linalg.add ins(%16, %16 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %18 = linalg.add ins(%17, %17 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %19 = linalg.add ins(%18, %18 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %20 = linalg.add ins(%19, %19 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %21 = linalg.add ins(%20, %20 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %22 = linalg.add ins(%21, %21 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %23 = linalg.add ins(%22, %22 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %24 = linalg.add ins(%23, %23 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %sum = linalg.add ins(%24, %x : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %sum : tensor<4xf32>
}

// -----

// Nothing is known of an operation of no dialect: the result is no mask.
#id = affine_map<(d0) -> (d0)>
// CHECK-LABEL: func @of_no_dialect
// CHECK: unknown
// CHECK: %[[RESULT:.*]] = linalg.add
// CHECK: qfmt.observe %[[RESULT]]
func.func @of_no_dialect(%truth: tensor<4xi32>, %x: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %mask = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%truth : tensor<4xi32>) outs(%e : tensor<4xf32>) {
  ^bb0(%t: i32, %o: f32):
    %low = arith.constant -1.0e9 : f32
    %0 = arith.sitofp %t : i32 to f32
    %1 = "unknown"(%0) : (f32) -> f32
    %2 = arith.mulf %1, %low : f32
    linalg.yield %2 : f32
  } -> tensor<4xf32>
  %sum = linalg.add ins(%mask, %x : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %sum : tensor<4xf32>
}
