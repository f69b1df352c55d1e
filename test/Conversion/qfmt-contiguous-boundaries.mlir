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
