// tosa.concat arrives as insertions into an empty tensor; raised, it joins codes of one format.
// RUN: %npy make %t.data.npy "<f4" 3x1x2x2x1 0.5 -1 1.5 -0.25 2 -2 0.75
// RUN: qfmt-opt %s -pass-pipeline='builtin.module(tosa-to-linalg-pipeline,func.func(tosa-to-arith,tosa-to-tensor),canonicalize,cse,qfmt-raise-concat,qfmt-verify-level{level=real})' -o %t.real.mlir
// RUN: FileCheck %s --input-file=%t.real.mlir
// RUN: qfmt-opt %t.real.mlir -pass-pipeline='builtin.module(qfmt-insert-observers,qfmt-annotate{data=%t.data.npy},qfmt-quantize,qfmt-integerize,canonicalize,cse,qfmt-verify-level{level=integer})' -o %t.integer.mlir
// RUN: qfmt-run %t.real.mlir --samples --inputs=%t.data.npy --outputs=%t.real.npy
// RUN: qfmt-run %t.integer.mlir --entry=main_f32 --samples --inputs=%t.data.npy --outputs=%t.jit.npy
// RUN: qfmt-run %t.integer.mlir --entry=main_f32 --samples --inputs=%t.data.npy --outputs=%t.reference.npy --engine=reference
// RUN: cmp %t.jit.npy %t.reference.npy
// Both halves lie in [-2, 2] in steps of 2/127.
// RUN: %npy near %t.real.npy %t.jit.npy 0.016

// CHECK: tensor.concat dim(3)
// CHECK-NOT: tensor.insert_slice
func.func @main(%image: tensor<1x2x2x1xf32>) -> tensor<1x2x2x2xf32> {
  %relu = tosa.clamp %image {min_val = 0.0 : f32, max_val = 3.40282347E+38 : f32} : (tensor<1x2x2x1xf32>) -> tensor<1x2x2x1xf32>
  %both = tosa.concat %image, %relu {axis = 3 : i32} : (tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32>) -> tensor<1x2x2x2xf32>
  return %both : tensor<1x2x2x2xf32>
}
