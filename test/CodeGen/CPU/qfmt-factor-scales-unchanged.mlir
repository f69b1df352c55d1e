// RUN: qfmt-opt %s --qfmt-factor-scales | FileCheck %s

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (n, k)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
#r = affine_map<(m, n) -> (m)>

// A factor that comes from around the body, with the number of one of its arguments.
// CHECK-LABEL: @captured(
// CHECK:         arith.mulf %{{.*}}, %[[OUTER:.*]] : f32
// CHECK:         linalg.matmul
func.func @captured(%q: tensor<8x64xi8>, %s: tensor<8xf32>) -> tensor<8x16xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %two = arith.constant 2.0 : f32
  %w = arith.constant dense<3> : tensor<16x64xi8>
  %ws = arith.constant dense<0.5> : tensor<16xf32>
  %z = arith.constant 0.0 : f32
  %e3 = tensor.empty() : tensor<8x16xf32>
  %i = linalg.fill ins(%z : f32) outs(%e3 : tensor<8x16xf32>) -> tensor<8x16xf32>
  %l:2 = scf.for %it = %c0 to %c3 step %c1 iter_args(%outer = %two, %last = %i) -> (f32, tensor<8x16xf32>) {
    %e = tensor.empty() : tensor<8x64xf32>
    %x = linalg.generic {indexing_maps = [#id, #r, #id], iterator_types = ["parallel", "parallel"]} ins(%q, %s : tensor<8x64xi8>, tensor<8xf32>) outs(%e : tensor<8x64xf32>) {
    ^bb0(%v: i8, %t: f32, %o: f32):
      %f = arith.sitofp %v : i8 to f32
      %g = arith.mulf %f, %t : f32
      %h = arith.mulf %g, %outer : f32
      linalg.yield %h : f32
    } -> tensor<8x64xf32>
    %e2 = tensor.empty() : tensor<16x64xf32>
    %y = linalg.generic {indexing_maps = [#id, #r, #id], iterator_types = ["parallel", "parallel"]} ins(%w, %ws : tensor<16x64xi8>, tensor<16xf32>) outs(%e2 : tensor<16x64xf32>) {
    ^bb0(%v: i8, %t: f32, %o: f32):
      %f = arith.sitofp %v : i8 to f32
      %g = arith.mulf %f, %t : f32
      linalg.yield %g : f32
    } -> tensor<16x64xf32>
    %p = linalg.matmul indexing_maps = [#a, #b, #c] ins(%x, %y : tensor<8x64xf32>, tensor<16x64xf32>) outs(%i : tensor<8x16xf32>) -> tensor<8x16xf32>
    %n = arith.mulf %outer, %two : f32
    scf.yield %n, %p : f32, tensor<8x16xf32>
  }
  return %l#1 : tensor<8x16xf32>
}

// Fewer rows than are decoded, of an unknown number.
// CHECK-LABEL: @part(
// CHECK:         tensor.extract_slice
// CHECK:         linalg.matmul
func.func @part(%q: tensor<?x64xi8>, %s: tensor<?xf32>, %like: tensor<?xi8>) -> tensor<?x16xf32> {
  %w = arith.constant dense<3> : tensor<16x64xi8>
  %ws = arith.constant dense<0.5> : tensor<16xf32>
  %c0 = arith.constant 0 : index
  %all = tensor.dim %q, %c0 : tensor<?x64xi8>
  %d = tensor.dim %like, %c0 : tensor<?xi8>
  %e = tensor.empty(%all) : tensor<?x64xf32>
  %x = linalg.generic {indexing_maps = [#id, #r, #id], iterator_types = ["parallel", "parallel"]} ins(%q, %s : tensor<?x64xi8>, tensor<?xf32>) outs(%e : tensor<?x64xf32>) {
  ^bb0(%v: i8, %t: f32, %o: f32):
    %f = arith.sitofp %v : i8 to f32
    %g = arith.mulf %f, %t : f32
    linalg.yield %g : f32
  } -> tensor<?x64xf32>
  %xs = tensor.extract_slice %x[0, 0] [%d, 64] [1, 1] : tensor<?x64xf32> to tensor<?x64xf32>
  %e2 = tensor.empty() : tensor<16x64xf32>
  %y = linalg.generic {indexing_maps = [#id, #r, #id], iterator_types = ["parallel", "parallel"]} ins(%w, %ws : tensor<16x64xi8>, tensor<16xf32>) outs(%e2 : tensor<16x64xf32>) {
  ^bb0(%v: i8, %t: f32, %o: f32):
    %f = arith.sitofp %v : i8 to f32
    %g = arith.mulf %f, %t : f32
    linalg.yield %g : f32
  } -> tensor<16x64xf32>
  %z = arith.constant 0.0 : f32
  %e3 = tensor.empty(%d) : tensor<?x16xf32>
  %i = linalg.fill ins(%z : f32) outs(%e3 : tensor<?x16xf32>) -> tensor<?x16xf32>
  %p = linalg.matmul indexing_maps = [#a, #b, #c] ins(%xs, %y : tensor<?x64xf32>, tensor<16x64xf32>) outs(%i : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %p : tensor<?x16xf32>
}
