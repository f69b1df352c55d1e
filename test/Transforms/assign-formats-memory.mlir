// RUN: split-file %s %t
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4/i4,i4/i8 damage=measured damage-file=%t/damage.json budget-activation-bytes=136 report=%t/report.json" -o %t/out.mlir 2> %t/remarks
// RUN: FileCheck %s < %t/out.mlir
// RUN: FileCheck %s --check-prefix=REPORT < %t/report.json
// RUN: FileCheck %s --check-prefix=REMARKS < %t/remarks
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4/i4,i4/i8 damage=measured damage-file=%t/damage.json budget-activation-bytes=50%%" | FileCheck %s
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4/i4,i4/i8 damage=measured damage-file=%t/damage.json budget-activation-bytes=100%%" | FileCheck %s --check-prefix=ALL
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4/i4,i4/i8 damage=measured damage-file=%t/damage.json budget-activation-bytes=136 other-activations=i4" | FileCheck %s --check-prefix=ALL
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4/i4,i4/i8 damage=measured damage-file=%t/damage.json budget-activation-bytes=135" 2>&1 | FileCheck %s --check-prefix=LESS

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
