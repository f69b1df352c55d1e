// RUN: split-file %s %t
// What qfmt-assign finds for the problem of a network is written into the network.
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4,i8,f32 budget-bytes=24 write-problem=%t/problem.json" | FileCheck %t/main.mlir
// RUN: qfmt-assign %t/problem.json -o %t/solution.json
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4,i8,f32 budget-bytes=24 solution=%t/solution.json" | FileCheck %t/main.mlir
// Any other assignment that keeps the budgets will do, and is no worse written.
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4,i8,f32 budget-bytes=24 solution=%t/other.json report=%t/report.json" 2>&1 | FileCheck %t/main.mlir --check-prefix=OTHER
// RUN: FileCheck %t/main.mlir --check-prefix=REPORT --input-file=%t/report.json
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4,i8,f32 budget-bytes=20 solution=%t/other.json report=%t/none.json" 2>&1 | FileCheck %s --check-prefix=BUDGET
// RUN: not ls %t/none.json
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4,i8 solution=%t/nowhere.json" 2>&1 | FileCheck %s --check-prefix=NOWHERE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4,i8 solution=%t/layer.json" 2>&1 | FileCheck %s --check-prefix=LAYER
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4,i8 solution=%t/missing.json" 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4,i8 solution=%t/format.json" 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i8 solution=%t/other.json" 2>&1 | FileCheck %s --check-prefix=CANDIDATE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4,i8 solution=%t/twice.json" 2>&1 | FileCheck %s --check-prefix=TWICE

// BUDGET: error: qfmt-assign-formats: '{{.*}}other.json' breaks a rule: {{.*}}'bytes'
// NOWHERE: nowhere.json' cannot be read: No such file or directory
// LAYER: layer.json' has a format for 'matmul.7', which is no layer
// MISSING: missing.json' has no format for the layer 'matmul.1'
// FORMAT: format.json' {{.*}}'eight' is no format
// CANDIDATE: other.json' says i4/i4 for the layer 'matmul.0', which is none of its candidates
// TWICE: twice.json' cannot be read: choice: the key 'matmul.0' is there twice

//--- main.mlir
// CHECK: linalg.matmul {qfmt.assigned = "i8/i8"}
// CHECK: linalg.matmul {qfmt.assigned = "i8/i8"}

// OTHER-NOT: warning
// OTHER: remark: layer 'matmul.0' gets i4/i4: {{.*}} i8/i8 would save damage
// OTHER: linalg.matmul {qfmt.assigned = "i4/i4"}
// OTHER: linalg.matmul {qfmt.assigned = "i8/i8"}

// REPORT: "status": "feasible"
// REPORT: "bound": null
// REPORT: "solver": "given"
// REPORT: "used": 22
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w0 = arith.constant dense<[[7.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %w1 = arith.constant dense<[[-7.0, 7.0], [-1.25, 6.25]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul ins(%x, %w0 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = linalg.matmul ins(%0, %w1 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}

//--- other.json
{"choice": {"matmul.0": "i4", "matmul.1": "i8/i8"}}
//--- layer.json
{"choice": {"matmul.0": "i4", "matmul.1": "i8", "matmul.7": "i8"}}
//--- missing.json
{"choice": {"matmul.0": "i4"}}
//--- format.json
{"choice": {"matmul.0": "eight", "matmul.1": "i8"}}
//--- twice.json
{"choice": {"matmul.0": "i4", "matmul.1": "i8", "matmul.0": "i8"}}
