// Bodies whose error bound is easy to state too small.

// DEFINE: %{entry} =
// DEFINE: %{check} = qfmt-run %s --entry=%{entry} --check-bound --inputs=%t.x.npy,%t.y.npy
// RUN: %npy make %t.x.npy '|i1' 8 -128 -77 -1 0 3 50 101 127
// RUN: %npy make %t.y.npy '|i1' 8 127 -77 -2 1 3 49 100 -128

// REDEFINE: %{entry} = scaled_square
// RUN: %{check} | FileCheck %s
// REDEFINE: %{entry} = comparison
// RUN: %{check} | FileCheck %s --check-prefix=COMPARISON
// REDEFINE: %{entry} = narrowed
// RUN: %{check} --integerize-options=table-bits=16 | FileCheck %s
// REDEFINE: %{entry} = constant
// RUN: %{check} | FileCheck %s --check-prefix=CONSTANT
// REDEFINE: %{entry} = root
// RUN: %{check} | FileCheck %s

// CHECK: region elements worst error in steps bound in steps ratio codes location
// CHECK-NEXT: 0 8
// COMPARISON: region elements worst error in steps bound in steps ratio codes location
// COMPARISON-NEXT: 0 8 {{[^ ]+}} {{[^ ]+}} 1.0004E+00
// CONSTANT: region elements worst error in steps bound in steps ratio codes location
// CONSTANT-NEXT: 0 8 {{[^ ]+}} 0.3330 {{[^ ]+}} 0.3330 1.0 0

#x = #qfmt.scaled<i8, scale = 0.05>
#y = #qfmt.scaled<i8, scale = 0.0512>
#r = #qfmt.scaled<i16, scale = 0.0007>
#coarse = #qfmt.scaled<i8, scale = 0.1>
#huge = #qfmt.scaled<i16, scale = 1.0e+10>
#id = affine_map<(a) -> (a)>

// v and c * v have the same integer, not the same scale.
func.func @scaled_square(%x: tensor<8xf32, #x>, %y: tensor<8xf32, #y>) -> tensor<8xf32, #r> {
  %half = arith.constant 0.5 : f32
  %e = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<8xf32, #x>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %h = arith.mulf %a, %half : f32
    %p = arith.mulf %h, %a : f32
    linalg.yield %p : f32
  } -> tensor<8xf32>
  %q = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #r>
  return %q : tensor<8xf32, #r>
}

// Values that are brought to one scale are off, and so may their order be.
func.func @comparison(%x: tensor<8xf32, #x>, %y: tensor<8xf32, #y>) -> tensor<8xf32, #r> {
  %e = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %y : tensor<8xf32, #x>, tensor<8xf32, #y>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %greater = arith.cmpf ogt, %a, %b : f32
    %one = arith.uitofp %greater : i1 to f32
    linalg.yield %one : f32
  } -> tensor<8xf32>
  %q = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #r>
  return %q : tensor<8xf32, #r>
}

// An operand of many bits is rounded to 16 before a table; 20 becomes 32.
func.func @narrowed(%x: tensor<8xf32, #x>, %y: tensor<8xf32, #y>) -> tensor<8xf32, #huge> {
  %scale = arith.constant 25000.0 : f32
  %most = arith.constant 20.0 : f32
  %e = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %y : tensor<8xf32, #x>, tensor<8xf32, #y>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.mulf %p, %scale : f32
    %m = arith.minimumf %s, %most : f32
    %f = math.expm1 %m : f32
    linalg.yield %f : f32
  } -> tensor<8xf32>
  %q = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #huge>
  return %q : tensor<8xf32, #huge>
}

// The rounding of a constant is one.
func.func @constant(%x: tensor<8xf32, #x>, %y: tensor<8xf32, #y>) -> tensor<8xf32, #coarse> {
  %zero = arith.constant 0.0 : f32
  %third = arith.constant 0.3333 : f32
  %e = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<8xf32, #x>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %p = arith.mulf %a, %zero : f32
    %s = arith.addf %p, %third : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %q = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #coarse>
  return %q : tensor<8xf32, #coarse>
}

// A root is infinitely steep at 0, but moves no further than the root of what its operand does.
func.func @root(%x: tensor<8xf32, #x>, %y: tensor<8xf32, #y>) -> tensor<8xf32, #coarse> {
  %half = arith.constant 0.5 : f32
  %e = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %y : tensor<8xf32, #x>, tensor<8xf32, #y>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %u = math.absf %a : f32
    %v = math.absf %b : f32
    %s = arith.addf %u, %v : f32
    %r = math.powf %s, %half : f32
    linalg.yield %r : f32
  } -> tensor<8xf32>
  %q = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #coarse>
  return %q : tensor<8xf32, #coarse>
}
