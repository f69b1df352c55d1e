// RUN: qfmt-opt %s --split-input-file --qfmt-pack-groups | FileCheck %s
// RUN: qfmt-opt %s --split-input-file --qfmt-pack-groups --qfmt-groups-to-vectors=instructions=vnni512 | FileCheck %s --check-prefix=VNNI
// RUN: qfmt-opt %s --split-input-file --qfmt-pack-groups --qfmt-groups-to-vectors=instructions=sdot | FileCheck %s --check-prefix=SDOT
// RUN: qfmt-opt %s --split-input-file --qfmt-pack-groups --qfmt-unpack-to-linalg | FileCheck %s --check-prefix=PLAIN

#a = affine_map<(m, n, g, k) -> (m, g, k)>
#b = affine_map<(m, n, g, k) -> (n, g, k)>
#c = affine_map<(m, n, g, k) -> (m, n, g)>
#s = affine_map<(m, n, g) -> (m, n, g)>
#o = affine_map<(m, n, g) -> (m, n)>

// -15 ... 15 would take eight bits, but no group has more than 16 neighbours:
// zero points. Codes are the integers less the least one of the group.
// CHECK-LABEL: @zero_points
// CHECK-DAG: %[[P:.*]] = arith.constant {{.*}} : tensor<1x2x2x64xi8>
// CHECK-DAG: %[[G:.*]] = arith.constant dense<{{\[\[\[}}-15, 0, {{.*}}], [0, 0, {{.*}}> : tensor<1x2x16xi8>
// CHECK: qfmt_cpu.unpack_integers %[[P]] groups %[[G]] : tensor<1x2x16xi8> bits = 4 offset = 0 : tensor<1x2x2x64xi8> to tensor<1x2x16xi8>

// What they add is a number of each column times the sum of the group's
// activations, which is where sums begin.
// VNNI-LABEL: @zero_points
// VNNI: %[[NUMBERS:.*]] = vector.transfer_read {{.*}} : tensor<1x2x16xi8>, vector<16xi8>
// VNNI: %[[SUM:.*]] = tensor.extract {{.*}} : tensor<3x2xi32>
// VNNI: %[[SUMS:.*]] = vector.broadcast %[[SUM]] : i32 to vector<16xi32>
// VNNI: %[[WIDE:.*]] = arith.extsi %[[NUMBERS]] : vector<16xi8> to vector<16xi32>
// VNNI: %[[START:.*]] = arith.muli %[[SUMS]], %[[WIDE]] : vector<16xi32>
// VNNI: qfmt_cpu.dot %[[START]],

// Signed factors: they are added to the codes.
// SDOT-LABEL: @zero_points
// SDOT: %[[NUMBERS:.*]] = vector.transfer_read {{.*}} : tensor<1x2x16xi8>, vector<16xi8>
// SDOT: %[[FOURS:.*]] = vector.shuffle %[[NUMBERS]], %[[NUMBERS]] [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]
// SDOT: %[[INTEGERS:.*]] = arith.addi %{{.*}}, %[[FOURS]] : vector<16xi8>
// SDOT: qfmt_cpu.dot %{{.*}}, signed %{{.*}}, %[[INTEGERS]]

// PLAIN-LABEL: @zero_points
// PLAIN-NOT: qfmt_cpu
// PLAIN: return
func.func @zero_points(%x: tensor<3x2x16xi8>) -> tensor<3x1xf32> {
  %w = arith.constant dense<[[[-15, -14, -13, -12, -11, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1, 0], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]]]> : tensor<1x2x16xi8>
  %z = arith.constant 0 : i32
  %e = tensor.empty() : tensor<3x1x2xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<3x1x2xi32>) -> tensor<3x1x2xi32>
  %i = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<3x2x16xi8>, tensor<1x2x16xi8>) outs(%f : tensor<3x1x2xi32>) {
  ^bb0(%p: i8, %q: i8, %r: i32):
    %p32 = arith.extsi %p : i8 to i32
    %q32 = arith.extsi %q : i8 to i32
    %t = arith.muli %p32, %q32 : i32
    %u = arith.addi %r, %t : i32
    linalg.yield %u : i32
  } -> tensor<3x1x2xi32>
  %zf = arith.constant 0.0 : f32
  %ef = tensor.empty() : tensor<3x1xf32>
  %ff = linalg.fill ins(%zf : f32) outs(%ef : tensor<3x1xf32>) -> tensor<3x1xf32>
  %y = linalg.generic {indexing_maps = [#s, #o], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%i : tensor<3x1x2xi32>) outs(%ff : tensor<3x1xf32>) {
  ^bb0(%p: i32, %r: f32):
    %fp = arith.sitofp %p : i32 to f32
    %t = arith.addf %r, %fp : f32
    linalg.yield %t : f32
  } -> tensor<3x1xf32>
  return %y : tensor<3x1xf32>
}

// -----

#a = affine_map<(m, n, g, k) -> (m, g, k)>
#b = affine_map<(m, n, g, k) -> (n, g, k)>
#c = affine_map<(m, n, g, k) -> (m, n, g)>
#s = affine_map<(m, n, g) -> (m, n, g)>
#o = affine_map<(m, n, g) -> (m, n)>

// 15 values that occur together, and three that never do: these share the last
// code of three tables.
// CHECK-LABEL: @tables
// CHECK: %[[G:.*]] = arith.constant dense<{{\[\[\[}}16, 0, {{.*}}], [0, 0, {{.*}}], [0, 0, {{.*}}], [32, 0, {{.*}}> : tensor<1x4x16xi8>
// CHECK: qfmt_cpu.unpack_integers %{{.*}} groups %[[G]] : tensor<1x4x16xi8> bits = 4 offset = -20 table = [13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 0, 13, {{.*}}, 27, 40, 13, {{.*}}, 27, 50] : tensor<1x4x2x64xi8> to tensor<1x4x16xi8>

// VNNI-LABEL: @tables
// VNNI: %[[STARTS:.*]] = vector.shuffle {{.*}} : vector<16xi8>, vector<16xi8>
// VNNI: %[[ENTRY:.*]] = arith.ori %{{.*}}, %[[STARTS]] : vector<64xi8>
// VNNI: qfmt.lookup %[[ENTRY]] in dense<{{.*}}> : tensor<48xi8>

// SDOT-LABEL: @tables
// PLAIN-LABEL: @tables
// PLAIN-NOT: qfmt_cpu
// PLAIN: return
func.func @tables(%x: tensor<3x4x16xi8>) -> tensor<3x1xf32> {
  %w = arith.constant dense<[[[-7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 20], [-7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, -20], [-7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 7], [30, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7]]]> : tensor<1x4x16xi8>
  %z = arith.constant 0 : i32
  %e = tensor.empty() : tensor<3x1x4xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<3x1x4xi32>) -> tensor<3x1x4xi32>
  %i = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<3x4x16xi8>, tensor<1x4x16xi8>) outs(%f : tensor<3x1x4xi32>) {
  ^bb0(%p: i8, %q: i8, %r: i32):
    %p32 = arith.extsi %p : i8 to i32
    %q32 = arith.extsi %q : i8 to i32
    %t = arith.muli %p32, %q32 : i32
    %u = arith.addi %r, %t : i32
    linalg.yield %u : i32
  } -> tensor<3x1x4xi32>
  %zf = arith.constant 0.0 : f32
  %ef = tensor.empty() : tensor<3x1xf32>
  %ff = linalg.fill ins(%zf : f32) outs(%ef : tensor<3x1xf32>) -> tensor<3x1xf32>
  %y = linalg.generic {indexing_maps = [#s, #o], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%i : tensor<3x1x4xi32>) outs(%ff : tensor<3x1xf32>) {
  ^bb0(%p: i32, %r: f32):
    %fp = arith.sitofp %p : i32 to f32
    %t = arith.addf %r, %fp : f32
    linalg.yield %t : f32
  } -> tensor<3x1xf32>
  return %y : tensor<3x1xf32>
}
