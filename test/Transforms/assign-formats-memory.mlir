// RUN: split-file %s %t
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4/i4,i4/i8 damage=measured damage-file=%t/damage.json budget-activation-bytes=136 report=%t/report.json" -o %t/out.mlir 2> %t/remarks
// RUN: FileCheck %s < %t/out.mlir
// RUN: FileCheck %s --check-prefix=REPORT < %t/report.json
// RUN: FileCheck %s --check-prefix=REMARKS < %t/remarks
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4/i4,i4/i8 damage=measured damage-file=%t/damage.json budget-activation-bytes=50%%" | FileCheck %s
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4/i4,i4/i8 damage=measured damage-file=%t/damage.json budget-activation-bytes=100%%" | FileCheck %s --check-prefix=ALL
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4/i4,i4/i8 damage=measured damage-file=%t/damage.json budget-activation-bytes=136 other-activations=i4" | FileCheck %s --check-prefix=ALL
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4/i4,i4/i8 damage=measured damage-file=%t/damage.json budget-activation-bytes=135" 2>&1 | FileCheck %s --check-prefix=LESS
// RUN: qfmt-opt %t/readers.mlir -qfmt-assign-formats="candidates=i4/i4,i4/i8 damage=measured damage-file=%t/damage.json budget-activation-bytes=48" | FileCheck %s --check-prefix=READERS
// RUN: qfmt-opt %t/readers.mlir -qfmt-assign-formats="candidates=i4/i4,i4/i8 damage=measured damage-file=%t/damage.json budget-activation-bytes=48 tie-shared-inputs" | FileCheck %s --check-prefix=TIED
// RUN: not qfmt-opt %t/pool.mlir -qfmt-assign-formats="candidates=f32,mxint8 damage=weights budget-activation-bytes=84" 2>&1 | FileCheck %s --check-prefix=POOLLESS
// RUN: qfmt-opt %t/pool.mlir -qfmt-assign-formats="candidates=f32,mxint8 damage=weights budget-activation-bytes=320" | FileCheck %s --check-prefix=POOL

// x and the sum are read by others than layers: 64 bytes each, in i8. a and b
// have 8 bytes in i4, 16 in i8. While b is computed x, a and b live; while the
// sum is, x, b and the sum: 128 bytes and those of b, 136 to 144. So only the
// data of the third layer is narrow.

// CHECK: linalg.matmul {qfmt.assigned = "i4/i8"}
// CHECK: linalg.matmul {qfmt.assigned = "i4/i8"}
// CHECK: linalg.matmul {qfmt.assigned = "i4/i4"}

// ALL: linalg.matmul {qfmt.assigned = "i4/i8"}
// ALL: linalg.matmul {qfmt.assigned = "i4/i8"}
// ALL: linalg.matmul {qfmt.assigned = "i4/i8"}

// REPORT: "budgets": {
// REPORT-NEXT: "activation_bytes": {
// REPORT-NEXT: "used": 136,
// REPORT-NEXT: "limit": 136,
// REPORT-NEXT: "slack": 0
// REPORT: "activation_bytes_at": {
// REPORT-DAG: "b": 88
// REPORT-DAG: "sum": 136

// REMARKS: layer 'matmul.2' gets i4/i4: {{.*}}; i4/i8 would save damage 1 for {{.*}} more, beyond the budget by activation_bytes at sum 8

// LESS: error: qfmt-assign-formats: {{.*}}activation_bytes at sum{{.*}}136

//--- damage.json
{"matmul.0": {"i4/i4": 2, "i4/i8": 1}, "matmul.1": {"i4/i4": 2, "i4/i8": 1}, "matmul.2": {"i4/i4": 2, "i4/i8": 1}}

//--- main.mlir
func.func @main(%arg: tensor<1x64xf32>) -> tensor<1x64xf32> {
  %w0 = arith.constant dense<0.5> : tensor<64x16xf32>
  %w1 = arith.constant dense<0.5> : tensor<16x16xf32>
  %w2 = arith.constant dense<0.5> : tensor<16x64xf32>
  %small = arith.constant dense<0.0> : tensor<1x16xf32>
  %large = arith.constant dense<0.0> : tensor<1x64xf32>
  %x = qfmt.observe %arg "x" : tensor<1x64xf32>
  %0 = linalg.matmul ins(%x, %w0 : tensor<1x64xf32>, tensor<64x16xf32>) outs(%small : tensor<1x16xf32>) -> tensor<1x16xf32>
  %a = qfmt.observe %0 "a" : tensor<1x16xf32>
  %1 = linalg.matmul ins(%a, %w1 : tensor<1x16xf32>, tensor<16x16xf32>) outs(%small : tensor<1x16xf32>) -> tensor<1x16xf32>
  %b = qfmt.observe %1 "b" : tensor<1x16xf32>
  %2 = linalg.matmul ins(%b, %w2 : tensor<1x16xf32>, tensor<16x64xf32>) outs(%large : tensor<1x64xf32>) -> tensor<1x64xf32>
  %3 = linalg.add ins(%2, %x : tensor<1x64xf32>, tensor<1x64xf32>) outs(%large : tensor<1x64xf32>) -> tensor<1x64xf32>
  %sum = qfmt.observe %3 "sum" : tensor<1x64xf32>
  return %sum : tensor<1x64xf32>
}

//--- readers.mlir

// x is read by two layers alone, 8 bytes in i4 and 16 in i8; a and b leave the
// function, 16 bytes each. Together with them the first layer costs what its
// format takes, the second one what its takes beyond 8 bytes. If they are tied
// nothing is counted twice.

// READERS: linalg.matmul {qfmt.assigned = "i4/i4"}
// READERS: linalg.matmul {qfmt.assigned = "i4/i8"}
// TIED: linalg.matmul {qfmt.assigned = "i4/i8"}
// TIED: linalg.matmul {qfmt.assigned = "i4/i8"}
func.func @main(%arg: tensor<1x16xf32>) -> (tensor<1x16xf32>, tensor<1x16xf32>) {
  %w0 = arith.constant dense<0.5> : tensor<16x16xf32>
  %w1 = arith.constant dense<0.25> : tensor<16x16xf32>
  %init = arith.constant dense<0.0> : tensor<1x16xf32>
  %x = qfmt.observe %arg "x" : tensor<1x16xf32>
  %0 = linalg.matmul ins(%x, %w0 : tensor<1x16xf32>, tensor<16x16xf32>) outs(%init : tensor<1x16xf32>) -> tensor<1x16xf32>
  %a = qfmt.observe %0 "a" : tensor<1x16xf32>
  %1 = linalg.matmul ins(%x, %w1 : tensor<1x16xf32>, tensor<16x16xf32>) outs(%init : tensor<1x16xf32>) -> tensor<1x16xf32>
  %b = qfmt.observe %1 "b" : tensor<1x16xf32>
  return %a, %b : tensor<1x16xf32>, tensor<1x16xf32>
}

//--- pool.mlir

// A maximum has the format of what it selects from, so the layer decides on
// both: 64 and 16 elements, 256 + 64 bytes in f32. In MXINT8 what it reads, 16
// channels, is one block of 16 bytes and one of the scale, and a tensor of four
// times as many elements counts four times that: 68 + 17.

// POOLLESS: error: qfmt-assign-formats: budget 'activation_bytes at pool' is too small by 1:
// POOL: linalg.conv_2d_nchw_fchw {{.*}}qfmt.assigned = "f32/f32"
func.func @main(%arg: tensor<1x16x2x2xf32>) -> tensor<1x4x1x1xf32> {
  %w = arith.constant dense<0.3> : tensor<4x16x1x1xf32>
  %init = arith.constant dense<0.0> : tensor<1x4x1x1xf32>
  %lowest = arith.constant dense<0xFF800000> : tensor<1x16x1x1xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %x = qfmt.observe %arg "x" : tensor<1x16x2x2xf32>
  %0 = linalg.pooling_nchw_max {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
    ins(%x, %window : tensor<1x16x2x2xf32>, tensor<2x2xf32>) outs(%lowest : tensor<1x16x1x1xf32>) -> tensor<1x16x1x1xf32>
  %p = qfmt.observe %0 "pool" : tensor<1x16x1x1xf32>
  %1 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%p, %w : tensor<1x16x1x1xf32>, tensor<4x16x1x1xf32>) outs(%init : tensor<1x4x1x1xf32>) -> tensor<1x4x1x1xf32>
  %r = qfmt.observe %1 "r" : tensor<1x4x1x1xf32>
  return %r : tensor<1x4x1x1xf32>
}
