// RUN: qfmt-opt %s --split-input-file --qfmt-pack-groups | FileCheck %s
// RUN: qfmt-opt %s --split-input-file --qfmt-pack-groups --qfmt-groups-to-vectors=instructions=vnni512 | FileCheck %s --check-prefix=VECTORS
// RUN: qfmt-opt %s --split-input-file --qfmt-pack-groups --qfmt-unpack-to-linalg | FileCheck %s --check-prefix=PLAIN

#a = affine_map<(m, n, g, k) -> (m, g, k)>
#b = affine_map<(m, n, g, k) -> (n, g, k)>
#c = affine_map<(m, n, g, k) -> (m, n, g)>
#s = affine_map<(m, n, g) -> (m, n, g)>
#t = affine_map<(m, n, g) -> (g, n)>
#o = affine_map<(m, n, g) -> (m, n)>

// -2 ... 1 take two bits: 0b11100100 are codes 0, 1, 2, 3 of terms 0, 4, 8 and
// 12. Scales of 1 and 0.5 are exponents.
// CHECK-LABEL: @two_bits
// CHECK: %[[P:.*]] = arith.constant {{.*}} : tensor<1x1x1x64xi8>
// CHECK: %[[W:.*]] = qfmt_cpu.unpack_integers %[[P]] bits = 2 offset = -2 : tensor<1x1x1x64xi8> to tensor<2x1x16xi8>
// CHECK: %[[Q:.*]] = arith.constant dense<{{\[\[\[}}127, 126, {{.*}}> : tensor<1x1x16xi8>
// CHECK: qfmt_cpu.unpack_scales %[[Q]] shift = 23 exponent = 0 : tensor<1x1x16xi8> to tensor<1x2xf32>

// The codes are the unsigned factor, the activations the signed one; codes stay
// in place, and each field has sums of its own. -2 times the sum of the row is
// where the first of them begin.
// VECTORS-LABEL: @two_bits
// VECTORS: %[[SUM:.*]] = tensor.extract
// VECTORS: %[[START:.*]] = vector.broadcast %[[SUM]] : i32 to vector<16xi32>
// VECTORS: %[[BYTES:.*]] = vector.transfer_read {{.*}} : tensor<1x1x1x64xi8>, vector<64xi8>
// VECTORS: %[[MASK0:.*]] = arith.constant dense<3> : vector<64xi8>
// VECTORS: %[[FIELD0:.*]] = arith.andi %[[BYTES]], %[[MASK0]] : vector<64xi8>
// VECTORS: qfmt_cpu.dot %[[START]], %[[FIELD0]], %{{.*}} : vector<16xi32>, vector<64xi8>
// VECTORS: %[[MASK3:.*]] = arith.constant dense<-64> : vector<64xi8>
// VECTORS: arith.andi %[[BYTES]], %[[MASK3]] : vector<64xi8>
// VECTORS: qfmt_cpu.dot
// VECTORS: arith.shrsi
// VECTORS: arith.sitofp
// VECTORS-NOT: linalg.generic {{.*}}reduction"]} ins({{.*}}tensor<3x2x1xi32>
// VECTORS: return

// PLAIN-LABEL: @two_bits
// PLAIN-NOT: qfmt_cpu
// PLAIN: return
func.func @two_bits(%x: tensor<3x1x16xi8>) -> tensor<3x2xf32> {
  %w = arith.constant dense<[[[-2, -2, -2, -2, -1, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1]], [[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]]> : tensor<2x1x16xi8>
  %scales = arith.constant dense<[[1.0, 0.5]]> : tensor<1x2xf32>
  %z = arith.constant 0 : i32
  %e = tensor.empty() : tensor<3x2x1xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<3x2x1xi32>) -> tensor<3x2x1xi32>
  %i = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<3x1x16xi8>, tensor<2x1x16xi8>) outs(%f : tensor<3x2x1xi32>) {
  ^bb0(%p: i8, %q: i8, %r: i32):
    %p32 = arith.extsi %p : i8 to i32
    %q32 = arith.extsi %q : i8 to i32
    %t = arith.muli %p32, %q32 : i32
    %u = arith.addi %r, %t : i32
    linalg.yield %u : i32
  } -> tensor<3x2x1xi32>
  %zf = arith.constant 0.0 : f32
  %ef = tensor.empty() : tensor<3x2xf32>
  %ff = linalg.fill ins(%zf : f32) outs(%ef : tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = linalg.generic {indexing_maps = [#s, #t, #o], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%i, %scales : tensor<3x2x1xi32>, tensor<1x2xf32>) outs(%ff : tensor<3x2xf32>) {
  ^bb0(%p: i32, %q: f32, %r: f32):
    %v = arith.sitofp %p : i32 to f32
    %t = arith.mulf %v, %q : f32
    %u = arith.addf %r, %t : f32
    linalg.yield %u : f32
  } -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

#a = affine_map<(m, n, g, k) -> (m, g, k)>
#b = affine_map<(m, n, g, k) -> (n, g, k)>
#c = affine_map<(m, n, g, k) -> (m, n, g)>
#s = affine_map<(m, n, g) -> (m, n, g)>
#t = affine_map<(m, n, g) -> (g, n)>
#o = affine_map<(m, n, g) -> (m, n)>

// Values that are no neighbours are entries of a table, in their order. A scale of 24
// bits stays what it is.
// CHECK-LABEL: @table
// CHECK: qfmt_cpu.unpack_integers %{{.*}} bits = 4 offset = -12 table = [0, 11, 12, 13, 24, 0, {{.*}}] : tensor<1x1x1x64xi8> to tensor<1x1x5xi8>
// CHECK: qfmt_cpu.unpack_scales %{{.*}} shift = 0 exponent = 0 : tensor<1x1x16xf32> to tensor<1x1xf32>
// VECTORS-LABEL: @table
// VECTORS: tensor.pad
// VECTORS: qfmt.lookup {{.*}} : vector<64xi8> to vector<64xi8>
// PLAIN-LABEL: @table
// PLAIN: qfmt.lookup
func.func @table(%x: tensor<?x1x5xi8>) -> tensor<?x1xf32> {
  %w = arith.constant dense<[[[-12, -1, 0, 1, 12]]]> : tensor<1x1x5xi8>
  %scales = arith.constant dense<1.00000012> : tensor<1x1xf32>
  %zero = arith.constant 0 : index
  %m = tensor.dim %x, %zero : tensor<?x1x5xi8>
  %z = arith.constant 0 : i32
  %e = tensor.empty(%m) : tensor<?x1x1xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<?x1x1xi32>) -> tensor<?x1x1xi32>
  %i = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x1x5xi8>, tensor<1x1x5xi8>) outs(%f : tensor<?x1x1xi32>) {
  ^bb0(%p: i8, %q: i8, %r: i32):
    %p32 = arith.extsi %p : i8 to i32
    %q32 = arith.extsi %q : i8 to i32
    %t = arith.muli %p32, %q32 : i32
    %u = arith.addi %r, %t : i32
    linalg.yield %u : i32
  } -> tensor<?x1x1xi32>
  %zf = arith.constant 0.0 : f32
  %ef = tensor.empty(%m) : tensor<?x1xf32>
  %ff = linalg.fill ins(%zf : f32) outs(%ef : tensor<?x1xf32>) -> tensor<?x1xf32>
  %y = linalg.generic {indexing_maps = [#s, #t, #o], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%i, %scales : tensor<?x1x1xi32>, tensor<1x1xf32>) outs(%ff : tensor<?x1xf32>) {
  ^bb0(%p: i32, %q: f32, %r: f32):
    %v = arith.sitofp %p : i32 to f32
    %t = arith.mulf %v, %q : f32
    %u = arith.addf %r, %t : f32
    linalg.yield %u : f32
  } -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

#a = affine_map<(m, n, g, k) -> (m, g, k)>
#b = affine_map<(m, n, g, k) -> (n, g, k)>
#c = affine_map<(m, n, g, k) -> (m, n, g)>
#s = affine_map<(m, n, g) -> (m, n, g)>
#t = affine_map<(m, n, g) -> (g, n)>
#o = affine_map<(m, n, g) -> (m, n)>

// All codes are bytes, those too that do not occur: 124 ... 127.
// CHECK-LABEL: @top
// CHECK: qfmt_cpu.unpack_integers %{{.*}} bits = 2 offset = 124 : tensor<1x1x1x64xi8> to tensor<2x1x16xi8>

// VECTORS-LABEL: @top
// VECTORS: qfmt_cpu.dot

// PLAIN-LABEL: @top
// PLAIN-NOT: qfmt_cpu
func.func @top(%x: tensor<3x1x16xi8>) -> tensor<3x2xf32> {
  %w = arith.constant dense<[[[126, 127, 126, 127, 126, 127, 126, 127, 126, 127, 126, 127, 126, 127, 126, 127]], [[127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127]]]> : tensor<2x1x16xi8>
  %scales = arith.constant dense<[[1.0, 0.5]]> : tensor<1x2xf32>
  %z = arith.constant 0 : i32
  %e = tensor.empty() : tensor<3x2x1xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<3x2x1xi32>) -> tensor<3x2x1xi32>
  %i = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<3x1x16xi8>, tensor<2x1x16xi8>) outs(%f : tensor<3x2x1xi32>) {
  ^bb0(%p: i8, %q: i8, %r: i32):
    %p32 = arith.extsi %p : i8 to i32
    %q32 = arith.extsi %q : i8 to i32
    %t = arith.muli %p32, %q32 : i32
    %u = arith.addi %r, %t : i32
    linalg.yield %u : i32
  } -> tensor<3x2x1xi32>
  %zf = arith.constant 0.0 : f32
  %ef = tensor.empty() : tensor<3x2xf32>
  %ff = linalg.fill ins(%zf : f32) outs(%ef : tensor<3x2xf32>) -> tensor<3x2xf32>
  %y = linalg.generic {indexing_maps = [#s, #t, #o], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%i, %scales : tensor<3x2x1xi32>, tensor<1x2xf32>) outs(%ff : tensor<3x2xf32>) {
  ^bb0(%p: i32, %q: f32, %r: f32):
    %v = arith.sitofp %p : i32 to f32
    %t = arith.mulf %v, %q : f32
    %u = arith.addf %r, %t : f32
    linalg.yield %u : f32
  } -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}
