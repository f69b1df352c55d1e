// RUN: qfmt-opt %s --qfmt-linalg-to-vector-loops --canonicalize --cse --split-input-file | FileCheck %s
// RUN: qfmt-opt %s --qfmt-linalg-to-vector-loops --split-input-file --remark-policy=all --remarks-filter-missed=qfmt-linalg-to-vector-loops -o /dev/null 2>&1 | FileCheck %s --check-prefix=MISSED

// 20 columns are a whole vector and a masked one; 3 of 11 rows are left after 8.
// CHECK-LABEL: @matmul(
// CHECK-SAME:    %[[X:.*]]: memref<11x5xf32>, %[[W:.*]]: memref<5x20xf32>, %[[Y:.*]]: memref<11x20xf32>)
// CHECK-DAG:     %[[MASK:.*]] = vector.constant_mask [4] : vector<16xi1>
// CHECK-COUNT-8: vector.maskedload %[[Y]]
// CHECK:         scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK-DAG:       vector.load %[[W]]
// CHECK-DAG:       vector.maskedload %[[W]][{{.*}}], %[[MASK]]
// CHECK-DAG:       memref.load %[[X]]
// CHECK:           arith.mulf {{.*}} : vector<16xf32>
// CHECK:         vector.maskedstore %[[Y]]
// CHECK:         scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK-NOT:     linalg.generic
#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (k, j)>
#c = affine_map<(i, j, k) -> (i, j)>
func.func @matmul(%x: memref<11x5xf32>, %w: memref<5x20xf32>, %y: memref<11x20xf32>) {
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<11x5xf32>, memref<5x20xf32>) outs(%y : memref<11x20xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  return
}

// -----

// A stride of 2 is one load of all elements between the first and the last, nothing beyond.
// CHECK-LABEL: @strided(
// CHECK:         %[[MASK:.*]] = vector.constant_mask [31] : vector<32xi1>
// CHECK:         %[[SPAN:.*]] = vector.maskedload %{{.*}}[%{{.*}}], %[[MASK]], {{.*}} : memref<31xf32>{{.*}} into vector<32xf32>
// CHECK:         vector.shuffle %[[SPAN]], %{{.*}} [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30]
#in = affine_map<(i) -> (2 * i)>
#out = affine_map<(i) -> (i)>
func.func @strided(%x: memref<31xf32>, %y: memref<16xf32>) {
  linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel"]}
      ins(%x : memref<31xf32>) outs(%y : memref<16xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  }
  return
}

// -----

// Bytes fill a register with more lanes than words; what is not read is not loaded.
// CHECK-LABEL: @bytes(
// CHECK:         vector.load %{{.*}} : memref<64xi8>, vector<64xi8>
// CHECK-NOT:     vector.load
// CHECK:         arith.maxsi {{.*}} : vector<64xi8>
// CHECK:         vector.store {{.*}} : memref<64xi8>, vector<64xi8>
#id = affine_map<(i) -> (i)>
func.func @bytes(%x: memref<64xi8>, %y: memref<64xi8>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : memref<64xi8>) outs(%y : memref<64xi8>) {
  ^bb0(%a: i8, %b: i8):
    %zero = arith.constant 0 : i8
    %0 = arith.maxsi %a, %zero : i8
    linalg.yield %0 : i8
  }
  return
}

// -----

// What stays a linalg.generic.
#id = affine_map<(i) -> (i)>
#row = affine_map<(i, j) -> (i, j)>
#sum = affine_map<(i, j) -> (i)>

// Masked lanes hold zeros.
// MISSED: Remark="left to LLVM's loop vectorizer: ", Remark="its body has a division of integers, or more than element-wise arithmetic, or vectors do not have its elements"
// CHECK-LABEL: @division(
// CHECK:         linalg.generic
func.func @division(%x: memref<7xi32>, %y: memref<7xi32>) {
  linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %x : memref<7xi32>, memref<7xi32>) outs(%y : memref<7xi32>) {
  ^bb0(%a: i32, %b: i32, %c: i32):
    %0 = arith.divsi %a, %b : i32
    linalg.yield %0 : i32
  }
  return
}

// MISSED: Remark="left to LLVM's loop vectorizer: ", Remark="its body has a division of integers, or more than element-wise arithmetic, or vectors do not have its elements"
// CHECK-LABEL: @lookup(
// CHECK:         linalg.generic
func.func @lookup(%x: memref<64xi8>, %table: memref<256xi8>, %y: memref<64xi8>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : memref<64xi8>) outs(%y : memref<64xi8>) {
  ^bb0(%a: i8, %b: i8):
    %0 = arith.index_castui %a : i8 to index
    %1 = memref.load %table[%0] : memref<256xi8>
    linalg.yield %1 : i8
  }
  return
}

// A row's sum reads memory in order.
// MISSED: Remark="left to LLVM's loop vectorizer: ", Remark="its inputs are contiguous along a reduction"
// CHECK-LABEL: @row_sum(
// CHECK:         linalg.generic
func.func @row_sum(%x: memref<64x64xf32>, %y: memref<64xf32>) {
  linalg.generic {indexing_maps = [#row, #sum], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<64x64xf32>) outs(%y : memref<64xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}

// A buffer of i1 has a byte for each element, a vector of i1 has a bit.
// CHECK-LABEL: @booleans(
// CHECK:         linalg.generic
func.func @booleans(%x: memref<64xi8>, %y: memref<64xi1>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : memref<64xi8>) outs(%y : memref<64xi1>) {
  ^bb0(%a: i8, %b: i1):
    %zero = arith.constant 0 : i8
    %0 = arith.cmpi sgt, %a, %zero : i8
    linalg.yield %0 : i1
  }
  return
}

// MISSED: Remark="left to LLVM's loop vectorizer: ", Remark="its sizes are not known"
// CHECK-LABEL: @dynamic(
// CHECK:         linalg.generic
func.func @dynamic(%x: memref<?xf32>, %y: memref<?xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %a : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// The maximum of a row: 72 elements are four vectors and half a one, which overlaps the last of them.
// CHECK-LABEL: @maximum(
// CHECK-SAME:    %[[X:.*]]: memref<3x72xf32>, %[[Y:.*]]: memref<3xi32>
// CHECK:         scf.parallel (%[[ROW:[0-9a-z]*]]) =
// CHECK:           %[[START:.*]] = memref.load %[[Y]][%[[ROW]]]
// CHECK-COUNT-5:   vector.load %[[X]]
// CHECK:           %[[LANES:.*]] = vector.reduction <maxsi>
// CHECK:           %[[MAXIMUM:.*]] = arith.maxsi %[[LANES]], %[[START]]
// CHECK:           memref.store %[[MAXIMUM]], %[[Y]][%[[ROW]]]
// CHECK-NOT:     linalg.generic
#in = affine_map<(i, j) -> (i, j)>
#out = affine_map<(i, j) -> (i)>
func.func @maximum(%x: memref<3x72xf32>, %y: memref<3xi32>) {
  linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<3x72xf32>) outs(%y : memref<3xi32>) {
  ^bb0(%a: f32, %b: i32):
    %0 = arith.bitcast %a : f32 to i32
    %1 = arith.maxsi %b, %0 : i32
    linalg.yield %1 : i32
  }
  return
}

// -----

// Eight short rows at once, whose lanes are exchanged until lane i has the maximum of row i: twice within four lanes,
// then fours of lanes. The row that is left is done by itself.
// CHECK-LABEL: @short_rows(
// CHECK-SAME:    %[[X:.*]]: memref<2x9x8xf32>, %[[Y:.*]]: memref<2x9xf32>
// CHECK:         scf.parallel (%[[I:[0-9a-z]*]]) =
// CHECK:           %[[START:.*]] = vector.load %[[Y]][%[[I]], %{{.*}}] : memref<2x9xf32>, vector<8xf32>
// CHECK:           %[[A:.*]] = vector.load %[[X]]
// CHECK:           %[[B:.*]] = vector.load %[[X]]
// CHECK:           %[[EVEN:.*]] = vector.shuffle %[[A]], %[[B]] [0, 2, 8, 10, 4, 6, 12, 14] : vector<8xf32>, vector<8xf32>
// CHECK:           %[[ODD:.*]] = vector.shuffle %[[A]], %[[B]] [1, 3, 9, 11, 5, 7, 13, 15] : vector<8xf32>, vector<8xf32>
// CHECK:           arith.minimumf %[[EVEN]], %[[ODD]] : vector<8xf32>
// CHECK:           vector.shuffle %[[LOW:.*]], %[[HIGH:.*]] [0, 1, 2, 3, 8, 9, 10, 11] : vector<8xf32>, vector<8xf32>
// CHECK:           vector.shuffle %[[LOW]], %[[HIGH]] [4, 5, 6, 7, 12, 13, 14, 15] : vector<8xf32>, vector<8xf32>
// CHECK:           %[[MINIMA:.*]] = arith.minimumf %{{.*}}, %[[START]] : vector<8xf32>
// CHECK:           vector.store %[[MINIMA]], %[[Y]][%[[I]], %{{.*}}] : memref<2x9xf32>, vector<8xf32>
// CHECK:           vector.reduction <minimumf>
// CHECK:           memref.store %{{.*}}, %[[Y]][%[[I]], %{{.*}}]
#in = affine_map<(i, j, k) -> (i, j, k)>
#out = affine_map<(i, j, k) -> (i, j)>
func.func @short_rows(%x: memref<2x9x8xf32>, %y: memref<2x9xf32>) {
  linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : memref<2x9x8xf32>) outs(%y : memref<2x9xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.minimumf %b, %a : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// What stays along all loops is loaded before them, what stays along the vector before its loop.
// CHECK-LABEL: @invariants(
// CHECK-SAME:    %[[X:.*]]: memref<4x32xf32>, %[[ALL:.*]]: memref<f32>, %[[ROWS:.*]]: memref<4xf32>
// CHECK:         %[[ONE:.*]] = memref.load %[[ALL]][]
// CHECK:         scf.parallel (%[[I:[0-9a-z]*]]) =
// CHECK:           memref.load %[[ROWS]][%[[I]]]
// CHECK-NOT:       memref.load
// CHECK:           vector.load %[[X]]
// CHECK-NOT:       memref.load
#id = affine_map<(i, j) -> (i, j)>
#one = affine_map<(i, j) -> ()>
#row = affine_map<(i, j) -> (i)>
func.func @invariants(%x: memref<4x32xf32>, %all: memref<f32>, %rows: memref<4xf32>, %y: memref<4x32xf32>) {
  linalg.generic {indexing_maps = [#id, #one, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %all, %rows : memref<4x32xf32>, memref<f32>, memref<4xf32>) outs(%y : memref<4x32xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %d: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %0, %c : f32
    linalg.yield %1 : f32
  }
  return
}

// -----

// CHECK-LABEL: @indices(
// CHECK:         vector.shuffle {{.*}} : vector<8xindex>, vector<8xindex>
// CHECK-NOT:     linalg.generic
#in = affine_map<(i, j) -> (i, j)>
#out = affine_map<(i, j) -> (i)>
func.func @indices(%x: memref<8x8xindex>, %y: memref<8xindex>) {
  linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<8x8xindex>) outs(%y : memref<8xindex>) {
  ^bb0(%a: index, %b: index):
    %0 = arith.maxui %b, %a : index
    linalg.yield %0 : index
  }
  return
}

// -----

// Neither are there vectors of these, nor has a vector room for one.
// CHECK-LABEL: @no_elements_of_vectors(
// CHECK-COUNT-4: linalg.generic
// CHECK: return
#id = affine_map<(i) -> (i)>
#zero = affine_map<(i) -> ()>
func.func @no_elements_of_vectors(
    %c: memref<16xcomplex<f32>>, %v: memref<16xvector<4xf32>>, %w: memref<16xi1024>,
    %c2: memref<16xcomplex<f32>>, %v2: memref<16xvector<4xf32>>, %w2: memref<16xi1024>, %m: memref<i1024>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%c : memref<16xcomplex<f32>>) outs(%c2 : memref<16xcomplex<f32>>) {
  ^bb0(%a: complex<f32>, %b: complex<f32>):
    linalg.yield %a : complex<f32>
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%v : memref<16xvector<4xf32>>) outs(%v2 : memref<16xvector<4xf32>>) {
  ^bb0(%a: vector<4xf32>, %b: vector<4xf32>):
    linalg.yield %a : vector<4xf32>
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%w : memref<16xi1024>) outs(%w2 : memref<16xi1024>) {
  ^bb0(%a: i1024, %b: i1024):
    linalg.yield %a : i1024
  }
  linalg.generic {indexing_maps = [#id, #zero], iterator_types = ["reduction"]} ins(%w : memref<16xi1024>) outs(%m : memref<i1024>) {
  ^bb0(%a: i1024, %b: i1024):
    %0 = arith.maxsi %b, %a : i1024
    linalg.yield %0 : i1024
  }
  return
}
