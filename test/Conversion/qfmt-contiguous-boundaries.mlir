// RUN: qfmt-opt %s -qfmt-contiguous-boundaries | FileCheck %s
// RUN: %npy make %t.x.npy "<f4" 2x4 1 2 3 4 5 6 7 8
// RUN: qfmt-run %s --entry=slice --inputs=%t.x.npy --outputs=%t.y.npy
// RUN: %npy print %t.y.npy | FileCheck %s --check-prefix=VALUES
// RUN: qfmt-run %s --entry=slice --engine=reference --inputs=%t.x.npy --outputs=%t.z.npy
// RUN: cmp %t.y.npy %t.z.npy
// RUN: qfmt-run %s --entry=branch --inputs=%t.x.npy --outputs=%t.y.npy
// RUN: %npy print %t.y.npy | FileCheck %s --check-prefix=VALUES

// Bufferization would return the first six elements of the buffer.
// VALUES: <f4 (2, 3) 2 4 6 10 12 14
// CHECK-LABEL: func.func @slice
// CHECK: %[[SLICE:.*]] = tensor.extract_slice
// CHECK: %[[COPY:.*]] = bufferization.alloc_tensor({{.*}}) copy(%[[SLICE]])
// CHECK: return %[[COPY]]
func.func @slice(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %d0 = tensor.dim %x, %c0 : tensor<?x?xf32>
  %d1 = tensor.dim %x, %c1 : tensor<?x?xf32>
  %e = tensor.empty(%d0, %d1) : tensor<?x?xf32>
  %a = linalg.add ins(%x, %x : tensor<?x?xf32>, tensor<?x?xf32>) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  %m = arith.subi %d1, %c1 : index
  %s = tensor.extract_slice %a[0, 0] [%d0, %m] [1, 1] : tensor<?x?xf32> to tensor<?x?xf32>
  return %s : tensor<?x?xf32>
}

// What comes out of a branch may be a slice.
// CHECK-LABEL: func.func @branch
// CHECK: scf.if
// CHECK: bufferization.alloc_tensor
func.func @branch(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %d0 = tensor.dim %x, %c0 : tensor<?x?xf32>
  %d1 = tensor.dim %x, %c1 : tensor<?x?xf32>
  %e = tensor.empty(%d0, %d1) : tensor<?x?xf32>
  %a = linalg.add ins(%x, %x : tensor<?x?xf32>, tensor<?x?xf32>) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  %m = arith.subi %d1, %c1 : index
  %more = arith.cmpi sgt, %m, %c0 : index
  %s = scf.if %more -> tensor<?x?xf32> {
    %slice = tensor.extract_slice %a[0, 0] [%d0, %m] [1, 1] : tensor<?x?xf32> to tensor<?x?xf32>
    scf.yield %slice : tensor<?x?xf32>
  } else {
    scf.yield %a : tensor<?x?xf32>
  }
  return %s : tensor<?x?xf32>
}

// What was computed lies in one piece.
// CHECK-LABEL: func.func @computed
// CHECK-NOT: bufferization.alloc_tensor
func.func @computed(%x: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %a = linalg.add ins(%x, %x : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %a : tensor<4xf32>
}

// So does what nested loops write, each to the tensor that it was given, and what threads write to slices of one.
// CHECK-LABEL: func.func @loops
// CHECK-NOT: bufferization.alloc_tensor
// CHECK: return
func.func @loops(%v: vector<4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %f = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<4x4xf32>
  %a = scf.for %i = %c0 to %c4 step %c1 iter_args(%t = %e) -> tensor<4x4xf32> {
    %b = scf.for %j = %c0 to %c4 step %c1 iter_args(%u = %t) -> tensor<4x4xf32> {
      %w = vector.transfer_write %v, %u[%i, %c0] {in_bounds = [true]} : vector<4xf32>, tensor<4x4xf32>
      %x = tensor.insert %f into %w[%i, %j] : tensor<4x4xf32>
      scf.yield %x : tensor<4x4xf32>
    }
    scf.yield %b : tensor<4x4xf32>
  }
  %g = tensor.empty() : tensor<4x4xf32>
  %p = scf.forall (%i) in (2) shared_outs(%o = %g) -> tensor<4x4xf32> {
    %k = arith.addi %i, %i : index
    %s = tensor.extract_slice %o[%k, 0] [2, 4] [1, 1] : tensor<4x4xf32> to tensor<2x4xf32>
    %w = vector.transfer_write %v, %s[%c1, %c0] {in_bounds = [true]} : vector<4xf32>, tensor<2x4xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %w into %o[%k, 0] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<4x4xf32>
    }
  }
  return %a, %p : tensor<4x4xf32>, tensor<4x4xf32>
}

// A loop that gives another tensor in each iteration may give a slice.
// CHECK-LABEL: func.func @other_tensor
// CHECK: bufferization.alloc_tensor
func.func @other_tensor(%n: index, %m: index) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %e = tensor.empty(%n) : tensor<?xf32>
  %a = scf.for %i = %c0 to %m step %c1 iter_args(%t = %e) -> tensor<?xf32> {
    %s = tensor.extract_slice %t[0] [%i] [2] : tensor<?xf32> to tensor<?xf32>
    scf.yield %s : tensor<?xf32>
  }
  return %a : tensor<?xf32>
}
