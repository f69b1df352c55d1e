// RUN: qfmt-opt %s -split-input-file -qfmt-insert-observers | FileCheck %s

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
