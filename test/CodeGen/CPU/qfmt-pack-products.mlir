// RUN: qfmt-opt %s --qfmt-pack-products=instructions=vnni512 --split-input-file | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: qfmt-opt %s --qfmt-pack-products=instructions=madd128 --split-input-file | FileCheck %s --check-prefixes=CHECK,MADD
// RUN: qfmt-opt %s --qfmt-pack-products --split-input-file --remark-policy=all --remarks-filter-missed=qfmt-pack-products -o /dev/null 2>&1 | FileCheck %s --check-prefix=MISSED

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>

// Four columns of five terms: one block of 16 columns, two quadruples. The second term of a column lies beside the first one. A signed
// factor is read as code + 128, which 128 times the sum of a column takes back: 128 * (1 + 5 + 9 + 13 + 17) = 5760.
// CHECK-LABEL: func.func @signed
// VNNI: %[[INIT:.*]] = arith.constant dense<[-5760, -6400, -7040, -7680]> : tensor<4xi32>
// VNNI: linalg.generic {{.*}} ins(%[[INIT]] : tensor<4xi32>)
// CHECK: %[[PACKED:.*]] = arith.constant dense_resource<packed> : tensor<1x2x16x4xi8>
// CHECK: %[[W:.*]] = linalg.unpack %[[PACKED]] outer_dims_perm = [1, 0] inner_dims_pos = [1, 0] inner_tiles = [16, 4] into %{{.*}} : tensor<1x2x16x4xi8> -> tensor<5x4xi8>
// CHECK: linalg.generic {{.*}} ins(%arg0, %[[W]] : tensor<3x5xi8>, tensor<5x4xi8>)
// CHECK: %[[A:.*]] = arith.extsi %{{.*}} : i8 to i32
// VNNI: %[[U:.*]] = arith.addi %[[A]], %c128_i32
// VNNI: arith.muli %[[U]]
// MADD: %[[B:.*]] = arith.extsi
// MADD: arith.muli %[[A]], %[[B]]
// CHECK: packed: "0x{{[0-9]0*}}0105090D02060A0E03070B0F04080C10{{0*}}11000000120000001300000014000000{{0*}}"
func.func @signed(%x: tensor<3x5xi8>) -> tensor<3x4xi32> {
  %w = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16], [17, 18, 19, 20]]> : tensor<5x4xi8>
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<3x4xi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<3x4xi32>) -> tensor<3x4xi32>
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<3x5xi8>, tensor<5x4xi8>) outs(%init : tensor<3x4xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<3x4xi32>
  return %y : tensor<3x4xi32>
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// Zero points leave the product: (a - 3) * (b - 5) with b - 5 = -4 ... 3. -3 times the sums -7 and 2 of the columns is added.
// CHECK-LABEL: func.func @zero_points
// CHECK: %[[INIT:.*]] = arith.constant dense<[21, -6]> : tensor<2xi32>
// CHECK: linalg.generic {{.*}} ins(%arg1, %[[INIT]] : tensor<?x2xi32>, tensor<2xi32>)
// CHECK: arith.constant dense<{{\[\[\[\[}}-4, -3, 0, 0], [-1, 3, 0, 0], {{.*}}> : tensor<1x1x16x4xi8>
// CHECK: linalg.generic
// CHECK: %[[A:.*]] = arith.extui
// CHECK: %[[B:.*]] = arith.extsi
// CHECK: arith.muli %[[A]], %[[B]]
func.func @zero_points(%x: tensor<?x2xi8>, %init: tensor<?x2xi32>) -> tensor<?x2xi32> {
  %w = arith.constant dense<[[1, 2], [4, 8]]> : tensor<2x2xi8>
  %three = arith.constant 3 : i32
  %five = arith.constant 5 : i32
  %y = linalg.generic {indexing_maps = [#mk, #nk, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<?x2xi8>, tensor<2x2xi8>) outs(%init : tensor<?x2xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extui %a : i8 to i32
    %az = arith.subi %a32, %three : i32
    %b32 = arith.extsi %b : i8 to i32
    %bz = arith.subi %b32, %five : i32
    %p = arith.muli %bz, %az : i32
    %s = arith.addi %p, %c : i32
    linalg.yield %s : i32
  } -> tensor<?x2xi32>
  return %y : tensor<?x2xi32>
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>

// Weights of 1 ... 255 do not fit a signed byte: 129 is taken off, and 129 times the sum of a row is added.
// CHECK-LABEL: func.func @unsigned_weights
// CHECK: %[[ROWS:.*]] = linalg.generic {{.*}}"reduction"{{.*}} ins(%arg0 : tensor<3x2xi8>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[ROWS]] : tensor<3x1xi32>, tensor<3xi32>)
// CHECK: arith.constant 129 : i32
// CHECK: arith.constant dense<{{\[\[\[\[}}-128, 126, 0, 0], {{.*}}> : tensor<1x1x16x4xi8>
func.func @unsigned_weights(%x: tensor<3x2xi8>, %init: tensor<3x1xi32>) -> tensor<3x1xi32> {
  %w = arith.constant dense<[[1], [-1]]> : tensor<2x1xi8>
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<3x2xi8>, tensor<2x1xi8>) outs(%init : tensor<3x1xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extui %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<3x1xi32>
  return %y : tensor<3x1xi32>
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>

// MISSED: Remark="no dot instructions: ", Remark="neither factor is a constant
// CHECK-LABEL: func.func @variables
// CHECK-NOT: linalg.unpack
func.func @variables(%x: tensor<3x2xi8>, %w: tensor<2x4xi8>, %init: tensor<3x4xi32>) -> tensor<3x4xi32> {
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<3x2xi8>, tensor<2x4xi8>) outs(%init : tensor<3x4xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extui %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<3x4xi32>
  return %y : tensor<3x4xi32>
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>

// 300 integers do not fit a byte.
// MISSED: Remark="no dot instructions: ", Remark="the constant factor has no data, or values that span more than a byte
// CHECK-LABEL: func.func @wide_values
// CHECK-NOT: linalg.unpack
func.func @wide_values(%x: tensor<3x2xi8>, %init: tensor<3x1xi32>) -> tensor<3x1xi32> {
  %w = arith.constant dense<[[0], [100]]> : tensor<2x1xi8>
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<3x2xi8>, tensor<2x1xi8>) outs(%init : tensor<3x1xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %three = arith.constant 3 : i32
    %b3 = arith.muli %b32, %three : i32
    %p = arith.muli %a32, %b3 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<3x1xi32>
  return %y : tensor<3x1xi32>
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>

// Neighbours in four bits: codes are weights + 4. Byte 0 has the codes of terms 0 and 4, 0 and 8; the next row those of term 8, and of 0s
// that fill it up. 64 bytes stand for eight terms of 16 columns.
// CHECK-LABEL: func.func @four_bits
// CHECK: %[[W:.*]] = qfmt_cpu.unpack_integers %{{.*}} bits = 4 offset = -4 : tensor<1x1x2x64xi8> to tensor<1x9xi8>
// CHECK: linalg.generic {{.*}} ins(%arg0, %[[W]] : tensor<65x9xi8>, tensor<1x9xi8>)
// CHECK: packed: "0x{{[0-9]0*}}80917283{{0*}}45444444{{0*}}"
func.func @four_bits(%x: tensor<65x9xi8>) -> tensor<65x1xi32> {
  %w = arith.constant dense<[[-4], [-3], [-2], [-1], [4], [5], [3], [4], [1]]> : tensor<9x1xi8>
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<65x1xi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<65x1xi32>) -> tensor<65x1xi32>
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<65x9xi8>, tensor<9x1xi8>) outs(%init : tensor<65x1xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<65x1xi32>
  return %y : tensor<65x1xi32>
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>

// Three values that are no neighbours: two bits and a table. Nine terms take one row.
// CHECK-LABEL: func.func @table
// CHECK: qfmt_cpu.unpack_integers %{{.*}} bits = 2 offset = -100 table = [0, 100, 200, 0] : tensor<1x1x1x64xi8> to tensor<1x9xi8>
func.func @table(%x: tensor<65x9xi8>) -> tensor<65x1xi32> {
  %w = arith.constant dense<[[-100], [0], [100], [100], [0], [0], [-100], [0], [100]]> : tensor<9x1xi8>
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<65x1xi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<65x1xi32>) -> tensor<65x1xi32>
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<65x9xi8>, tensor<9x1xi8>) outs(%init : tensor<65x1xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<65x1xi32>
  return %y : tensor<65x1xi32>
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>

// Few rows: a product of one group, the codes of which are the unsigned factor. Unsigned activations are flipped to signed ones; 128 times the
// sum of the column, 7, is added.
// CHECK-LABEL: func.func @few_rows
// CHECK: %[[W:.*]] = qfmt_cpu.unpack_integers %{{.*}} bits = 4 offset = -4 : tensor<1x1x2x64xi8> to tensor<1x1x9xi8>
// CHECK: arith.constant dense<896> : tensor<1xi32>
// CHECK: arith.xori
// CHECK: %[[X:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2]] {{.*}} : tensor<6x9xi8> into tensor<6x1x9xi8>
// CHECK: %[[S:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[W]] : tensor<6x1x9xi8>, tensor<1x1x9xi8>) outs(%{{.*}} : tensor<6x1x1xi32>)
// CHECK: linalg.generic {{.*}}"reduction"]} ins(%[[S]] : tensor<6x1x1xi32>)
func.func @few_rows(%x: tensor<6x9xi8>) -> tensor<6x1xi32> {
  %w = arith.constant dense<[[-4], [-3], [-2], [-1], [4], [5], [3], [4], [1]]> : tensor<9x1xi8>
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<6x1xi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<6x1xi32>) -> tensor<6x1xi32>
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<6x9xi8>, tensor<9x1xi8>) outs(%init : tensor<6x1xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extui %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<6x1xi32>
  return %y : tensor<6x1xi32>
}
