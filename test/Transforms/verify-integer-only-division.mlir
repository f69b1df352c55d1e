// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-verify-integer-only=division=forbid
// Allowed by default.
// RUN: qfmt-opt %s -split-input-file -qfmt-verify-integer-only -o /dev/null
// RUN: not qfmt-opt %s -qfmt-verify-integer-only=division=never 2>&1 | FileCheck %s
// CHECK: never

// Positions and sizes may be divided, and so may wrappers.
func.func @positions(%a: tensor<?xi8>) -> tensor<?xindex> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %size = tensor.dim %a, %c0 : tensor<?xi8>
  %blocks = arith.ceildivui %size, %c4 : index
  %sum = arith.addi %blocks, %c0 : index
  %0 = tensor.generate %sum {
  ^bb0(%i: index):
    tensor.yield %i : index
  } : tensor<?xindex>
  %empty = tensor.empty(%sum) : tensor<?xindex>
  %1 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%empty : tensor<?xindex>) {
  ^bb0(%o: index):
    %i = linalg.index 0 : index
    %half = arith.divui %i, %c4 : index
    linalg.yield %half : index
  } -> tensor<?xindex>
  scf.for %k = %c0 to %sum step %c4 {
    %rest = arith.remui %k, %c4 : index
  }
  return %1 : tensor<?xindex>
}

func.func @wrapper_f32(%a: i32, %b: i32) -> i32 attributes {qfmt.float_wrapper} {
  %0 = arith.divsi %a, %b : i32
  return %0 : i32
}

// -----

func.func @body(%a: tensor<4xi32>, %b: tensor<4xi32>) -> tensor<4xi32> {
  %0 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xi32>) outs(%b : tensor<4xi32>) {
  ^bb0(%x: i32, %o: i32):
    // expected-error @+1 {{'arith.floordivsi' op divides, which division=forbid excludes; multiply by a rounded reciprocal and shift}}
    %1 = arith.floordivsi %x, %o : i32
    %2 = arith.divsi %1, %o : i32
    linalg.yield %2 : i32
  } -> tensor<4xi32>
  return %0 : tensor<4xi32>
}

// -----

func.func @tensors(%a: tensor<4xi32>, %b: tensor<4xi32>) -> tensor<4xi32> {
  // expected-error @+1 {{'arith.remui' op divides}}
  %0 = arith.remui %a, %b : tensor<4xi32>
  return %0 : tensor<4xi32>
}

// -----

// An index that is data.
func.func @data(%a: i32, %b: index) -> index {
  %0 = arith.index_cast %a : i32 to index
  %c4 = arith.constant 4 : index
  // expected-error @+1 {{'arith.divsi' op divides}}
  %1 = arith.divsi %0, %c4 : index
  return %1 : index
}

// -----

func.func @argument(%b: index) -> index {
  %c4 = arith.constant 4 : index
  // expected-error @+1 {{'arith.ceildivsi' op divides}}
  %1 = arith.ceildivsi %b, %c4 : index
  return %1 : index
}
