// Mistakes of programs that the simulator finds: each ends with an error, and without outputs.
// REQUIRES: gpu-sim
// RUN: %npy make %t.npy '<i4' 4 -3
// RUN: rm -f %t.y.npy

// RUN: not qfmt-run %s --gpu=sim --entry=unwritten --inputs=%t.npy --outputs=%t.y.npy 2>&1 | FileCheck %s --check-prefix=UNWRITTEN
// UNWRITTEN: error: copy to the host of 16 bytes, 16 of which nobody wrote: the first is byte 0 of a buffer of 16 bytes; no kernel has run
func.func @unwritten(%x: tensor<4xi32>) -> tensor<4xi32> {
  %e = tensor.empty() : tensor<4xi32>
  return %e : tensor<4xi32>
}

// RUN: not qfmt-run %s --gpu=sim --entry=asserts --inputs=%t.npy --outputs=%t.y.npy 2>&1 | FileCheck %s --check-prefix=ASSERT
// ASSERT: error: kernel 'asserts_kernel', block (0, 0, 0), thread (0, 0, 0): assertion failed: too small ({{.*}}gpu-sim-mistakes.mlir:[[#@LINE+7]]); at
func.func @asserts(%x: tensor<4xi32>) -> tensor<4xi32> {
  %c100 = arith.constant 100 : i32
  %e = tensor.empty() : tensor<4xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%x : tensor<4xi32>) outs(%e : tensor<4xi32>) {
  ^bb0(%v: i32, %o: i32):
    %is_large = arith.cmpi sgt, %v, %c100 : i32
    cf.assert %is_large, "too small"
    linalg.yield %v : i32
  } -> tensor<4xi32>
  return %y : tensor<4xi32>
}

// RUN: not qfmt-run %s --gpu=sim --entry=asserts_alone --inputs=%t.npy --outputs=%t.y.npy 2>&1 | FileCheck %s --check-prefix=ALONE
// ALONE: error: kernel 'asserts_alone_kernel', block (0, 0, 0), thread (0, 0, 0): assertion failed: too small
func.func @asserts_alone(%x: tensor<4xi32>) -> tensor<4xi32> {
  %c100 = arith.constant 100 : i32
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%x : tensor<4xi32>) {
  ^bb0(%v: i32):
    %is_large = arith.cmpi sgt, %v, %c100 : i32
    cf.assert %is_large, "too small"
    linalg.yield
  }
  return %x : tensor<4xi32>
}

// RUN: not qfmt-run %s --gpu=sim --entry=negative --inputs=%t.npy --outputs=%t.y.npy 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// NEGATIVE: error: {{.*}}negative
func.func @negative(%x: tensor<4xi32>) -> tensor<?xi32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0 : i32
  %0 = tensor.extract %x[%c0] : tensor<4xi32>
  %size = arith.index_cast %0 : i32 to index
  %e = tensor.empty(%size) : tensor<?xi32>
  %y = linalg.fill ins(%zero : i32) outs(%e : tensor<?xi32>) -> tensor<?xi32>
  return %y : tensor<?xi32>
}

// RUN: not qfmt-run %s --gpu=sim --entry=complex --inputs=%t.npy --outputs=%t.y.npy 2>&1 | FileCheck %s --check-prefix=COMPLEX
// COMPLEX: error: 'complex.{{.*}}' op computes with 'complex<f32>', of which no kernels for GPUs are made
func.func @complex(%x: tensor<4xi32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%x : tensor<4xi32>) outs(%e : tensor<4xf32>) {
  ^bb0(%v: i32, %o: f32):
    %0 = arith.sitofp %v : i32 to f32
    %1 = complex.create %0, %0 : complex<f32>
    %2 = complex.mul %1, %1 : complex<f32>
    %3 = complex.im %2 : complex<f32>
    linalg.yield %3 : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// RUN: not ls %t.y.npy

// What is not written yet may lie beside what the host loads: each element is computed of the one before.
// RUN: qfmt-run %s --gpu=sim --entry=progressive --inputs=%t.npy --outputs=%t.p.npy
// RUN: %npy print %t.p.npy | FileCheck %s --check-prefix=PROGRESSIVE
// PROGRESSIVE: <i4 (4,) -3 -6 -12 -24
func.func @progressive(%x: tensor<4xi32>) -> tensor<4xi32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4xi32>
  %first = tensor.extract %x[%c0] : tensor<4xi32>
  %begin = tensor.insert %first into %e[%c0] : tensor<4xi32>
  %y = scf.for %i = %c1 to %c4 step %c1 iter_args(%t = %begin) -> tensor<4xi32> {
    %previous = arith.subi %i, %c1 : index
    %0 = tensor.extract %t[%previous] : tensor<4xi32>
    %1 = arith.addi %0, %0 : i32
    %2 = tensor.insert %1 into %t[%i] : tensor<4xi32>
    scf.yield %2 : tensor<4xi32>
  }
  return %y : tensor<4xi32>
}
