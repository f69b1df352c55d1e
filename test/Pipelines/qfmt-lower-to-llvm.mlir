// RUN: qfmt-opt %s --qfmt-lower-to-llvm | FileCheck %s

// No constant tensor becomes an LLVM constant.
// CHECK: module attributes {{.*}}qfmt.weights = {bytes = dense_resource<{{.*}}> : tensor<64xi8>, symbol = "qfmt_weights"}
// CHECK: llvm.mlir.global external @qfmt_weights() {addr_space = 0 : i32, alignment = 64 : i64} : !llvm.array<64 x i8>
// CHECK-NOT: llvm.mlir.constant(dense
// CHECK-NOT: unrealized_conversion_cast
// CHECK-NOT: memrefCopy
// CHECK: llvm.func @scale(
#id = affine_map<(d0) -> (d0)>
func.func @scale(%x: tensor<4xi4>) -> tensor<6xi4> {
  %w = arith.constant dense<[1, 2, 3, -4]> : tensor<4xi4>
  %m = arith.constant 3 : i32
  %n = arith.constant 1 : i32
  %zero = arith.constant 0 : i4
  %e = tensor.empty() : tensor<4xi4>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %w : tensor<4xi4>, tensor<4xi4>) outs(%e : tensor<4xi4>) {
  ^bb0(%a: i4, %b: i4, %c: i4):
    %2 = arith.extsi %a : i4 to i32
    %3 = arith.extsi %b : i4 to i32
    %4 = arith.muli %2, %3 : i32
    %5 = qfmt.dyadic_scale %4, %m, %n : i32, i32, i32 to i4
    linalg.yield %5 : i4
  } -> tensor<4xi4>
  %1 = tensor.pad %0 low[1] high[1] {
  ^bb0(%i: index):
    tensor.yield %zero : i4
  } : tensor<4xi4> to tensor<6xi4>
  return %1 : tensor<6xi4>
}
