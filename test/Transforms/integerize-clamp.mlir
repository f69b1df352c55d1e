// Clamps and comparisons whose constants lie beyond every code. Front ends write
// relu as a clamp between 0 and the largest finite number, or infinity.
//
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(qfmt-integerize{float-wrapper=false},canonicalize,cse,qfmt-verify-level{level=integer})' | FileCheck %s

#act = #qfmt.scaled<i8, scale = 0.5>
#id = affine_map<(a) -> (a)>

// The upper bound disappears: of min and max only the max with 0 is left.
// CHECK-LABEL: func.func @relu_as_clamp
// CHECK: linalg.generic
// CHECK: arith.maxsi %{{.*}}, %c0_i32
// CHECK-NOT: arith.minsi
// CHECK: arith.trunci
// CHECK: linalg.yield
func.func @relu_as_clamp(%x: tensor<4xf32>) -> tensor<4xf32> {
  %q = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #act>
  %zero = arith.constant 0.0 : f32
  %largest = arith.constant 3.40282347E+38 : f32
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%q : tensor<4xf32, #act>) outs(%e : tensor<4xf32>) {
  ^bb0(%i: f32, %o: f32):
    %low = arith.minimumf %i, %largest : f32
    %high = arith.maximumf %low, %zero : f32
    linalg.yield %high : f32
  } -> tensor<4xf32>
  %s = qfmt.quantize %r : tensor<4xf32> to tensor<4xf32, #act>
  %y = qfmt.dequantize %s : tensor<4xf32, #act> to tensor<4xf32>
  return %y : tensor<4xf32>
}

// As compare and select: above 127 there is no code, so that any 8-bit value is
// below the bound. -64 is the smallest value, 63.5 the largest.
// CHECK-LABEL: func.func @compare_and_select
// CHECK: linalg.generic
// CHECK-NOT: 340282
// CHECK: linalg.yield
func.func @compare_and_select(%x: tensor<4xf32>) -> tensor<4xf32> {
  %q = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #act>
  %infinity = arith.constant 0x7F800000 : f32
  %largest = arith.constant 3.40282347E+38 : f32
  %lowest = arith.constant -3.40282347E+38 : f32
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%q : tensor<4xf32, #act>) outs(%e : tensor<4xf32>) {
  ^bb0(%i: f32, %o: f32):
    %above = arith.cmpf ugt, %i, %largest : f32
    %a = arith.select %above, %largest, %i : f32
    %below = arith.cmpf ult, %a, %lowest : f32
    %b = arith.select %below, %lowest, %a : f32
    %finite = arith.cmpf one, %b, %infinity : f32
    %c = arith.select %finite, %b, %zero : f32
    linalg.yield %c : f32
  } -> tensor<4xf32>
  %s = qfmt.quantize %r : tensor<4xf32> to tensor<4xf32, #act>
  %y = qfmt.dequantize %s : tensor<4xf32, #act> to tensor<4xf32>
  return %y : tensor<4xf32>
}

// A bound within the range stays: 3.25 lies between two codes.
// CHECK-LABEL: func.func @relu3
// CHECK: arith.minsi
// CHECK: linalg.yield
func.func @relu3(%x: tensor<4xf32>) -> tensor<4xf32> {
  %q = qfmt.quantize %x : tensor<4xf32> to tensor<4xf32, #act>
  %bound = arith.constant 3.25 : f32
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%q : tensor<4xf32, #act>) outs(%e : tensor<4xf32>) {
  ^bb0(%i: f32, %o: f32):
    %m = arith.minimumf %i, %bound : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  %s = qfmt.quantize %r : tensor<4xf32> to tensor<4xf32, #act>
  %y = qfmt.dequantize %s : tensor<4xf32, #act> to tensor<4xf32>
  return %y : tensor<4xf32>
}

// Codes through all three.
// RUN: %npy make %t.npy "|i1" 4 -128 6 7 127
// RUN: qfmt-opt %s -qfmt-integerize -o %t.mlir
// RUN: qfmt-run %t.mlir --entry=relu_as_clamp --inputs=%t.npy --outputs=%t.relu.npy && %npy print %t.relu.npy | FileCheck %s --check-prefix=RELU
// RUN: qfmt-run %t.mlir --entry=compare_and_select --inputs=%t.npy --outputs=%t.select.npy && %npy print %t.select.npy | FileCheck %s --check-prefix=SELECT
// RUN: qfmt-run %t.mlir --entry=relu3 --inputs=%t.npy --outputs=%t.relu3.npy && %npy print %t.relu3.npy | FileCheck %s --check-prefix=RELU3
// RELU: (4,) 0 6 7 127
// SELECT: (4,) -128 6 7 127
// 3.25 is 6.5 steps, which goes to the even code.
// RELU3: (4,) -128 6 6 6
