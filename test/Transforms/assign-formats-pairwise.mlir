// RUN: split-file %s %t
// RUN: qfmt-opt %t/given.mlir -qfmt-assign-formats="damage=given budget-bytes=10 write-problem=%t/problem.json write-lp=%t/problem.lp report=%t/report.json" 2>&1 | FileCheck %t/given.mlir
// RUN: FileCheck %t/given.mlir --check-prefix=PROBLEM --input-file=%t/problem.json
// RUN: FileCheck %t/given.mlir --check-prefix=LP --input-file=%t/problem.lp
// RUN: FileCheck %t/given.mlir --check-prefix=REPORT --input-file=%t/report.json
// RUN: qfmt-opt %t/given.mlir -qfmt-assign-formats="damage=given budget-bytes=10 solver=exhaustive" 2>&1 | FileCheck %t/given.mlir
// RUN: qfmt-assign %t/problem.json | FileCheck %t/given.mlir --check-prefix=SOLVED
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4,i8 damage=measured damage-file=%t/alone.json budget-bit-operations=512" | FileCheck %t/main.mlir --check-prefix=ALONE
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4,i8 damage=measured damage-file=%t/pairs.json budget-bit-operations=512" 2>&1 | FileCheck %t/main.mlir --check-prefix=PAIRS
// Terms of formats that nobody may have never count.
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i8 damage=measured damage-file=%t/pairs.json report=%t/report.json" | FileCheck %t/main.mlir --check-prefix=ONE
// RUN: FileCheck %t/main.mlir --check-prefix=NONE --input-file=%t/report.json
// RUN: qfmt-opt %t/regions.mlir -qfmt-assign-formats="candidates=i8 report=%t/regions.json" -o /dev/null
// RUN: FileCheck %t/regions.mlir --input-file=%t/regions.json
// What qfmt.pairwise says counts where qfmt.candidates does.
// RUN: qfmt-opt %t/given.mlir -qfmt-assign-formats="damage=weights budget-bytes=10" | FileCheck %t/given.mlir --check-prefix=WEIGHTS
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=measured damage-file=%t/no-layer.json" 2>&1 | FileCheck %s --check-prefix=LAYER
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=measured damage-file=%t/no-format.json" 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=measured damage-file=%t/no-term.json" 2>&1 | FileCheck %s --check-prefix=TERM
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=measured damage-file=%t/twice.json" 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4,i8 latency-table=%t/pairs.json" 2>&1 | FileCheck %s --check-prefix=LATENCY
// RUN: not qfmt-opt %t/wrong.mlir -split-input-file -qfmt-assign-formats="damage=given" 2>&1 | FileCheck %t/wrong.mlir

// LAYER: error: qfmt-assign-formats: a pairwise term names group 'matmul.7', which is not there
// FORMAT: no-format.json' pairwise[0]: 'i4/eight': {{.*}}'eight' is no format
// TERM: no-term.json' pairwise[1]: is not {"layers": [string, string], "formats": [string, string], "damage": number}
// TWICE: error: qfmt-assign-formats: there are two pairwise terms of 'matmul.1' ('i4/i4') and 'matmul.0' ('i4/i4')
// LATENCY: pairs.json' has no object of choices for the layer 'pairwise'

//--- given.mlir

// Alone, i4 in the second layer does least within 10 bytes. Errors of i4 in both
// cancel.

// CHECK-DAG: remark: layer 'a' gets i4/i4: damage 3, with 'b' 3.5 less, bit_operations {{.*}}, bytes 4, {{.*}}; nothing that it may get does less damage
// CHECK-DAG: remark: layer 'b' gets i4/i4: damage 2, with 'a' 3.5 less, bit_operations
// CHECK-LABEL: func @given
// CHECK: linalg.matmul {qfmt.assigned = "i4/i4",
// CHECK: linalg.matmul {qfmt.assigned = "i4/i4",

// PROBLEM: "pairwise": [
// PROBLEM: "groups": [
// PROBLEM-NEXT: "a",
// PROBLEM-NEXT: "b"
// PROBLEM: "formats": [
// PROBLEM-NEXT: "i4/i4",
// PROBLEM-NEXT: "i8/i8"
// PROBLEM: "damage": 4
// PROBLEM: "damage": -3.5

// LP: Minimize
// LP: + 4 {{.*}} - 3.5

// SOLVED: "objective": 1.5

// The second layer follows the first one, through what is no layer.
// REPORT: "objective": 1.5
// REPORT: "name": "a"
// REPORT: "after": [],
// REPORT: "name": "b"
// REPORT: "after": [
// REPORT-NEXT: "a"
// REPORT: "pairwise": [
// REPORT-NEXT: {
// REPORT-NEXT: "layers": [
// REPORT-NEXT: "b",
// REPORT-NEXT: "a"
// REPORT-NEXT: ],
// REPORT-NEXT: "formats": [
// REPORT-NEXT: "i4/i4",
// REPORT-NEXT: "i4/i4"
// REPORT-NEXT: ],
// REPORT-NEXT: "damage": -3.5
// REPORT-NEXT: }
// REPORT-NEXT: ]

// The first layer's weights are exact in i4, the second one's are not.
// WEIGHTS: linalg.matmul {qfmt.assigned = "i4/i4",
// WEIGHTS: linalg.matmul {qfmt.assigned = "i8/i8",
module attributes {qfmt.pairwise = [{layers = ["a", "b"], formats = ["i4", "i8/i8"], damage = 4.0}]} {
  func.func @given(%x: tensor<1x2xf32>) -> tensor<1x2xf32> attributes {
      qfmt.pairwise = [{layers = ["b", "a"], formats = ["i4", "i4"], damage = -3.5}]} {
    %w0 = arith.constant dense<[[7.0, 7.0], [2.0, 2.0]]> : tensor<2x2xf32>
    %w1 = arith.constant dense<[[-7.0, 7.0], [-1.25, 6.25]]> : tensor<2x2xf32>
    %init = arith.constant dense<0.0> : tensor<1x2xf32>
    %0 = linalg.matmul {qfmt.layer = "a", qfmt.candidates = [
        {format = "i4", damage = 3.0, costs = {bytes = 4.0}}, {format = "i8", damage = 0.0, costs = {bytes = 6.0}}]}
      ins(%x, %w0 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
    %1 = math.absf %0 : tensor<1x2xf32>
    %2 = linalg.matmul {qfmt.layer = "b", qfmt.candidates = [
        {format = "i4", damage = 2.0, costs = {bytes = 4.0}}, {format = "i8", damage = 0.0, costs = {bytes = 6.0}}]}
      ins(%1, %w1 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
    return %2 : tensor<1x2xf32>
  }
}

//--- main.mlir

// ALONE: linalg.matmul {qfmt.assigned = "i8/i8"}
// ALONE: linalg.matmul {qfmt.assigned = "i8/i8"}

// PAIRS-DAG: remark: layer 'matmul.0' gets i4/i4: damage 1, bit_operations
// PAIRS-DAG: remark: layer 'matmul.1' gets i4/i4: damage 1, bit_operations
// PAIRS: linalg.matmul {qfmt.assigned = "i4/i4"}
// PAIRS: linalg.matmul {qfmt.assigned = "i4/i4"}

// ONE: linalg.matmul {qfmt.assigned = "i8/i8"}
// NONE: "after": [],
// NONE: "damage": 3
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w0 = arith.constant dense<[[7.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %w1 = arith.constant dense<[[-7.0, 7.0], [-1.25, 6.25]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul ins(%x, %w0 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = linalg.matmul ins(%0, %w1 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}

//--- regions.mlir

// In loops and branches a layer follows what comes before them, what their last
// round has left, and what is inside.

// CHECK: "name": "before"
// CHECK: "after": [],
// CHECK: "name": "loop"
// CHECK: "after": [
// CHECK-NEXT: "before"
// CHECK-NEXT: ],
// CHECK: "name": "branch"
// CHECK: "after": [
// CHECK-NEXT: "before",
// CHECK-NEXT: "loop"
// CHECK-NEXT: ],
// CHECK: "name": "last"
// CHECK: "after": [
// CHECK-NEXT: "before",
// CHECK-NEXT: "loop",
// CHECK-NEXT: "branch"
// CHECK-NEXT: ],
func.func @regions(%x: tensor<1x2xf32>, %n: index, %flag: i1) -> tensor<1x2xf32> {
  %w0 = arith.constant dense<[[7.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %w1 = arith.constant dense<[[6.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %w2 = arith.constant dense<[[5.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %w3 = arith.constant dense<[[4.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %0 = linalg.matmul {qfmt.layer = "before"} ins(%x, %w0 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = scf.for %i = %zero to %n step %one iter_args(%y = %0) -> tensor<1x2xf32> {
    %l = linalg.matmul {qfmt.layer = "loop"} ins(%y, %w1 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
    scf.yield %l : tensor<1x2xf32>
  }
  %2 = scf.if %flag -> tensor<1x2xf32> {
    %b = linalg.matmul {qfmt.layer = "branch"} ins(%1, %w2 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
    scf.yield %b : tensor<1x2xf32>
  } else {
    %a = math.absf %1 : tensor<1x2xf32>
    scf.yield %a : tensor<1x2xf32>
  }
  %3 = linalg.matmul {qfmt.layer = "last"} ins(%2, %w3 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %3 : tensor<1x2xf32>
}

//--- alone.json
{"matmul.0": {"i4": 1, "i8": 0}, "matmul.1": {"i4": 1, "i8": 0}}
//--- pairs.json
{"matmul.0": {"i4": 1, "i8": 0}, "matmul.1": {"i4": 1, "i8": 0},
 "pairwise": [{"layers": ["matmul.0", "matmul.1"], "formats": ["i8", "i8/i8"], "damage": 3},
              {"layers": ["matmul.0", "matmul.1"], "formats": ["i4", "i8/i8"], "damage": 3},
              {"layers": ["matmul.1", "matmul.0"], "formats": ["i4", "i8"], "damage": 3}]}
//--- no-layer.json
{"matmul.0": {"i4": 1}, "matmul.1": {"i4": 1},
 "pairwise": [{"layers": ["matmul.7", "matmul.1"], "formats": ["i4", "i4"], "damage": 3}]}
//--- no-format.json
{"matmul.0": {"i4": 1}, "matmul.1": {"i4": 1},
 "pairwise": [{"layers": ["matmul.0", "matmul.1"], "formats": ["i4/eight", "i4"], "damage": 3}]}
//--- no-term.json
{"matmul.0": {"i4": 1}, "matmul.1": {"i4": 1},
 "pairwise": [{"layers": ["matmul.0", "matmul.1"], "formats": ["i4", "i4"], "damage": 3},
              {"layers": ["matmul.0", "matmul.1"], "formats": ["i4"], "damage": 3}]}
//--- twice.json
{"matmul.0": {"i4": 1}, "matmul.1": {"i4": 1},
 "pairwise": [{"layers": ["matmul.0", "matmul.1"], "formats": ["i4", "i4"], "damage": 3},
              {"layers": ["matmul.1", "matmul.0"], "formats": ["i4", "i4/i4"], "damage": 3}]}

//--- wrong.mlir
// CHECK: error: 'func.func' op qfmt.pairwise: 'i99x' is no format
func.func @format(%x: tensor<1x2xf32>) -> tensor<1x2xf32> attributes {
    qfmt.pairwise = [{layers = ["matmul.0", "matmul.0"], formats = ["i99x", "i4"], damage = 1.0}]} {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul {qfmt.candidates = [{format = "i4", damage = 1.0, costs = {}}]}
    ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// -----

// CHECK: error: qfmt-assign-formats: a pairwise term names group 'matmul.0' twice
func.func @itself(%x: tensor<1x2xf32>) -> tensor<1x2xf32> attributes {
    qfmt.pairwise = [{layers = ["matmul.0", "matmul.0"], formats = ["i4", "i4"], damage = 1.0}]} {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul {qfmt.candidates = [{format = "i4", damage = 1.0, costs = {}}]}
    ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// -----

// CHECK: error: qfmt-assign-formats: the damage of the pairwise term of {{.*}} is nan
func.func @not_a_number(%x: tensor<1x2xf32>) -> tensor<1x2xf32> attributes {
    qfmt.pairwise = [{layers = ["matmul.0", "matmul.1"], formats = ["i4", "i4"], damage = 0x7FF8000000000000 : f64}]} {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul {qfmt.candidates = [{format = "i4", damage = 1.0, costs = {}}]}
    ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = linalg.matmul {qfmt.candidates = [{format = "i4", damage = 1.0, costs = {}}]}
    ins(%0, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}
