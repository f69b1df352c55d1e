// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-integerize

#id = affine_map<(r, c) -> (r, c)>
#row = affine_map<(r, c) -> (r, 0)>
!x = tensor<2x2xf32, #qfmt.scaled<i8, scale = 0.25>>
func.func @row_without_elements(%x: !x) -> tensor<2x1xf32, #qfmt.scaled<i8, scale = 0.25>> {
  %mask = arith.constant dense<[[0.0, 0xFF800000], [0xFF800000, 0xFF800000]]> : tensor<2x2xf32>
  %wide = tensor.empty() : tensor<2x2xf32>
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %mask : !x, tensor<2x2xf32>) outs(%wide : tensor<2x2xf32>) {
  ^bb0(%a: f32, %m: f32, %o: f32):
    %0 = arith.addf %a, %m : f32
    linalg.yield %0 : f32
  } -> tensor<2x2xf32>
  %thin = tensor.empty() : tensor<2x1xf32>
  %low = arith.constant 0xFF800000 : f32
  %lows = linalg.fill ins(%low : f32) outs(%thin : tensor<2x1xf32>) -> tensor<2x1xf32>
  // expected-error @+1 {{takes the maximum of a row that is masked altogether by minus infinity, which is NaN after softmax; leave one element of the row unmasked, or use a finite mask such as -3.4e38}}
  %top = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%s : tensor<2x2xf32>) outs(%lows : tensor<2x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.maximumf %a, %o : f32
    linalg.yield %0 : f32
  } -> tensor<2x1xf32>
  %q = qfmt.quantize %top : tensor<2x1xf32> to tensor<2x1xf32, #qfmt.scaled<i8, scale = 0.25>>
  return %q : tensor<2x1xf32, #qfmt.scaled<i8, scale = 0.25>>
}

// -----

#id = affine_map<(d) -> (d)>
!x = tensor<3xf32, #qfmt.scaled<i8, scale = 0.25>>
func.func @two_sizes(%x: !x) -> !x {
  %mask = arith.constant dense<[-3.40282347E+38, 0xFF800000, 0.0]> : tensor<3xf32>
  %empty = tensor.empty() : tensor<3xf32>
  // expected-note @+1 {{in the body of this operation}}
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %mask : !x, tensor<3xf32>) outs(%empty : tensor<3xf32>) {
  ^bb0(%a: f32, %m: f32, %o: f32):
    // expected-error @+1 {{'arith.addf': holds masks of two sizes, -3.402823e+38 and -INF; use one}}
    %0 = arith.addf %a, %m : f32
    linalg.yield %0 : f32
  } -> tensor<3xf32>
  %q = qfmt.quantize %s : tensor<3xf32> to !x
  return %q : !x
}

// -----

// Nothing says that one of the sums is exactly 0.
#id = affine_map<(d) -> (d)>
!x = tensor<2xf32, #qfmt.scaled<i8, scale = 0.25>>
!m = tensor<2xf32, #qfmt.scaled<i8, scale = 0.3>>
func.func @two_tensors(%x: !x, %m: !m) -> !x {
  %lowest = arith.constant -3.40282347E+38 : f32
  %empty = tensor.empty() : tensor<2xf32>
  // expected-note @+1 {{in the body of this operation}}
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %m : !x, !m) outs(%empty : tensor<2xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.addf %a, %b : f32
    %1 = arith.mulf %0, %lowest : f32
    // expected-error @+1 {{'arith.addf': adds a mask that is a multiple of}}
    %2 = arith.addf %a, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<2xf32>
  %q = qfmt.quantize %s : tensor<2xf32> to !x
  return %q : !x
}

// -----

// Nor that a code is exactly 1.
#id = affine_map<(d) -> (d)>
!x = tensor<2xf32, #qfmt.scaled<i8, scale = 0.25>>
!m = tensor<2xf32, #qfmt.scaled<i8, scale = 0.3>>
func.func @no_one(%x: !x, %m: !m) -> !x {
  %lowest = arith.constant -3.40282347E+38 : f32
  %one = arith.constant 1.0 : f32
  %empty = tensor.empty() : tensor<2xf32>
  // expected-note @+1 {{in the body of this operation}}
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %m : !x, !m) outs(%empty : tensor<2xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.subf %one, %b : f32
    %1 = arith.mulf %0, %lowest : f32
    // expected-error @+1 {{'arith.addf': adds a mask that is 0 for no code of the tensor that it is computed from, so that the scores vanish beside it; give that tensor a scale of which 1 is a multiple, or compute the mask from truth values (i1)}}
    %2 = arith.addf %a, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<2xf32>
  %q = qfmt.quantize %s : tensor<2xf32> to !x
  return %q : !x
}

// -----

#id = affine_map<(d) -> (d)>
!x = tensor<2xf32, #qfmt.scaled<i8, scale = 0.25>>
func.func @no_softmax(%x: !x) -> !x {
  %mask = arith.constant dense<[0.0, -3.40282347E+38]> : tensor<2xf32>
  %empty = tensor.empty() : tensor<2xf32>
  // expected-note @+1 {{in the body of this operation}}
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %mask : !x, tensor<2xf32>) outs(%empty : tensor<2xf32>) {
  ^bb0(%a: f32, %m: f32, %o: f32):
    %0 = arith.addf %a, %m : f32
    // expected-error @+1 {{'arith.mulf': reads scores to which a mask was added; of those only exp(v - max v), with the maximum over the scores themselves, has an integer rule; use a mask whose integers fit 30 bits elsewhere}}
    %1 = arith.mulf %0, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2xf32>
  %q = qfmt.quantize %s : tensor<2xf32> to !x
  return %q : !x
}

// -----

// A format that reaches farther than the masked scores.
#id = affine_map<(d) -> (d)>
!x = tensor<2xf32, #qfmt.scaled<i8, scale = 0.25>>
!y = tensor<2xf32, #qfmt.scaled<i8, scale = 2.0>>
func.func @not_the_lowest_code(%x: !x) -> !y {
  %mask = arith.constant dense<[0.0, -3.40282347E+38]> : tensor<2xf32>
  %empty = tensor.empty() : tensor<2xf32>
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %mask : !x, tensor<2xf32>) outs(%empty : tensor<2xf32>) {
  ^bb0(%a: f32, %m: f32, %o: f32):
    %0 = arith.addf %a, %m : f32
    linalg.yield %0 : f32
  } -> tensor<2xf32>
  // expected-error @+1 {{quantizes scores to which a mask was added to a format that reaches down to -2.560000e+02, where masked ones may not be; quantize the scores before the mask, or the softmax after it}}
  %q = qfmt.quantize %s : tensor<2xf32> to !y
  return %q : !y
}

// -----

// sin changes its sign more often than comparisons are emitted.
#id = affine_map<(d) -> (d)>
!x = tensor<2xf32, #qfmt.scaled<i16, scale = 0.25>>
func.func @many_runs(%x: !x, %y: !x) -> !x {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2xf32>
  // expected-note @+1 {{in the body of this operation}}
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %y : !x, !x) outs(%empty : tensor<2xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = math.sin %a : f32
    %1 = arith.cmpf ogt, %0, %zero : f32
    // expected-error @+1 {{'arith.cmpf ogt' changes its outcome more than 16 times over the codes of its operand, which has no integer rule; quantize what it compares first}}
    %2 = arith.select %1, %a, %b : f32
    linalg.yield %2 : f32
  } -> tensor<2xf32>
  %q = qfmt.quantize %s : tensor<2xf32> to !x
  return %q : !x
}
