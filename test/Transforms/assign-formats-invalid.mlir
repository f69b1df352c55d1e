// RUN: split-file %s %t
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats=damage=given 2>&1 | FileCheck %s --check-prefix=GIVEN
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats=candidates=i4,eight 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats=candidates=i4,i4/i4 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates={#qfmt.scaled<i4, block = [1, 2, 3], scale = f16>/f32}" 2>&1 | FileCheck %s --check-prefix=RANK
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=best" 2>&1 | FileCheck %s --check-prefix=MEASURE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=traces" 2>&1 | FileCheck %s --check-prefix=FILE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage-file=%t/traces.json" 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="damage=given damage-file=%t/traces.json" 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=given" 2>&1 | FileCheck %s --check-prefix=BOTH
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=traces damage-file=%t/nowhere.json" 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=traces damage-file=%t/main.mlir" 2>&1 | FileCheck %s --check-prefix=JSON
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=traces damage-file=%t/repeated.json" 2>&1 | FileCheck %s --check-prefix=REPEATED
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 latency-table=%t/repeated-choice.json budget-latency=5" 2>&1 | FileCheck %s --check-prefix=REPEATEDCHOICE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=traces damage-file=%t/list.json" 2>&1 | FileCheck %s --check-prefix=OBJECT
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=traces damage-file=%t/choices.json" 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=traces damage-file=%t/traces.json" 2>&1 | FileCheck %s --check-prefix=TRACE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=traces damage-file=%t/negative.json" 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4,i8 damage=measured damage-file=%t/choices.json" 2>&1 | FileCheck %s --check-prefix=CHOICE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=measured damage-file=%t/unknown.json" 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=measured damage-file=%t/traces.json" 2>&1 | FileCheck %s --check-prefix=TABLE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 damage=measured damage-file=%t/twice.json" 2>&1 | FileCheck %s --check-prefix=SAME
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 latency-table=%t/choices.json budget-latency=5" 2>&1 | FileCheck %s --check-prefix=LATENCY
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 budget-latency=5" 2>&1 | FileCheck %s --check-prefix=NOLATENCY
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 budget-bytes=many" 2>&1 | FileCheck %s --check-prefix=BUDGET
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 budget-bytes=-1" 2>&1 | FileCheck %s --check-prefix=BUDGET
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 budget-bytes=nan" 2>&1 | FileCheck %s --check-prefix=BUDGET
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 budget-bytes=101%%" 2>&1 | FileCheck %s --check-prefix=BUDGET
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 budget-luts=1e999" 2>&1 | FileCheck %s --check-prefix=LUTBUDGET
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=nf4/f32 budget-luts=50%%" 2>&1 | FileCheck %s --check-prefix=NOLUTS
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 budget-activation-bytes=50%%" 2>&1 | FileCheck %s --check-prefix=OBSERVERS
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 other-activations=mxfp8" 2>&1 | FileCheck %s --check-prefix=OTHERS
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 time-limit=-1" 2>&1 | FileCheck %s --check-prefix=TIME
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 time-limit=nan" 2>&1 | FileCheck %s --check-prefix=TIME
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 solver=best" 2>&1 | FileCheck %s --check-prefix=SOLVER
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4/i8,i8 budget-bytes=19 report=%t/report.json" 2>&1 | FileCheck %s --check-prefix=INFEASIBLE
// RUN: not ls %t/report.json
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 report=%t/nowhere/report.json" 2>&1 | FileCheck %s --check-prefix=WRITE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4 write-lp=%t/nowhere/problem.lp" 2>&1 | FileCheck %s --check-prefix=WRITELP
// RUN: not qfmt-opt %t/none.mlir -qfmt-assign-formats=candidates=i4 2>&1 | FileCheck %s --check-prefix=LAYERS
// RUN: not qfmt-opt %t/dynamic.mlir -split-input-file -qfmt-assign-formats="candidates=i4 budget-activation-bytes=50%%" 2>&1 | FileCheck %s --check-prefix=DYNAMIC
// RUN: not qfmt-opt %t/dynamic.mlir -split-input-file -qfmt-assign-formats="candidates=i4 budget-bit-operations=50%%" 2>&1 | FileCheck %s --check-prefix=LOOPS
// RUN: not qfmt-opt %t/names.mlir -qfmt-assign-formats=candidates=i4 2>&1 | FileCheck %s --check-prefix=NAMES
// RUN: not qfmt-opt %t/ties.mlir -qfmt-assign-formats=candidates=i4,i8 2>&1 | FileCheck %s --check-prefix=TIES
// RUN: not qfmt-opt %t/forced.mlir -qfmt-assign-formats=candidates=i4,i8 2>&1 | FileCheck %s --check-prefix=FORCED
// RUN: not qfmt-opt %t/given.mlir -split-input-file -qfmt-assign-formats="damage=given" 2>&1 | FileCheck %t/given.mlir
// RUN: not qfmt-opt %t/nan.mlir -qfmt-assign-formats=candidates=i4 2>&1 | FileCheck %s --check-prefix=NAN

// NONE: 'linalg.matmul' op is the layer 'matmul.0', which has no 'qfmt.candidates', nor are there any by the option 'candidates'
// GIVEN: 'linalg.matmul' op is the layer 'matmul.0', which has no 'qfmt.candidates'; with damage=given each layer needs it
// FORMAT: option 'candidates' of qfmt-assign-formats: 'eight' is no format
// TWICE: option 'candidates' of qfmt-assign-formats: the choice i4/i4 is there twice
// RANK: 'linalg.matmul' op is the layer 'matmul.0', which cannot have the candidate {{.*}}:
// MEASURE: 'best'
// FILE: option 'damage-file' of qfmt-assign-formats is missing; this measure of damage needs it
// NOFILE: option 'damage-file' of qfmt-assign-formats is there, but this measure of damage reads none
// BOTH: option 'candidates' of qfmt-assign-formats is there, but damage=given takes those of the layers' 'qfmt.candidates'
// MISSING: nowhere.json' cannot be read: No such file or directory
// JSON: main.mlir' cannot be read: [1:
// REPEATED: error: qfmt-assign-formats: '{{.*}}repeated.json' cannot be read: the key 'matmul.0' is there twice (line 2): keep one
// REPEATEDCHOICE: error: qfmt-assign-formats: '{{.*}}repeated-choice.json' cannot be read: matmul.0: the key 'i4' is there twice (line 1): keep one
// OBJECT: list.json' is no JSON object of layers
// NUMBER: choices.json' has no number for the layer 'matmul.0'
// TRACE: 'linalg.matmul' op is the layer 'matmul.1', of which '{{.*}}traces.json' has no trace; it has those of matmul.0, matmul.7
// NEGATIVE: error: qfmt-assign-formats: {{.*}}'matmul.0'{{.*}}negative
// CHOICE: 'linalg.matmul' op is the layer 'matmul.0', of which '{{.*}}choices.json' has no damage for i8/i8; it has those for i4/i4
// UNKNOWN: unknown.json' layer 'matmul.0', 'i4/eight': {{.*}}'eight' is no format
// TABLE: traces.json' has no object of choices for the layer 'matmul.0'
// SAME: twice.json' layer 'matmul.0', 'i4/i4' is there twice, as i4/i4
// LATENCY: 'linalg.matmul' op is the layer 'matmul.1', of which '{{.*}}choices.json' has no latencies
// NOLATENCY: error: qfmt-assign-formats: {{.*}}'ms'
// BUDGET: option 'budget-bytes' of qfmt-assign-formats is the most that all layers may cost together, a number, or a part of what lies between the cheapest and the dearest choices, 0% to 100%; found '
// LUTBUDGET: option 'budget-luts' of qfmt-assign-formats is the most {{.*}}; found '1e999'
// NOLUTS: error: qfmt-assign-formats: {{.*}}'luts'
// OBSERVERS: error: qfmt-assign-formats: a budget of activation bytes needs observers; run qfmt-insert-observers first
// OTHERS: option 'other-activations' of qfmt-assign-formats is a number format, found 'mxfp8'
// TIME: option 'time-limit' of qfmt-assign-formats is a number of seconds that is at least 0, found
// SOLVER: option 'solver' of qfmt-assign-formats is one of cbc, exhaustive, reinforce, found 'best'
// INFEASIBLE: error: qfmt-assign-formats: {{.*}}bytes{{.*}}20
// WRITE: error: qfmt-assign-formats: cannot write '{{.*}}nowhere/report.json': No such file or directory
// WRITELP: error: qfmt-assign-formats: cannot write '{{.*}}nowhere/problem.lp': No such file or directory
// LAYERS: error: qfmt-assign-formats: finds no layers: no linalg operation on tensors sums products of data with constant f32 weights
// DYNAMIC: 'linalg.matmul' op reads data of a dynamic size, of which qfmt-assign-formats knows no bytes
// DYNAMIC: 'qfmt.observe' op is of a dynamic size, of which qfmt-assign-formats knows no bytes
// LOOPS: error: qfmt-assign-formats: budget 'bit_operations' limits a cost that no choice has
// NAMES: 'linalg.matmul' op has the name of another layer, 'matmul.1'; give each its own 'qfmt.layer'
// TIES: error: qfmt-assign-formats: {{.*}}'matmul.0'
// FORCED: error: qfmt-assign-formats: {{.*}}'matmul.0'{{.*}}'i2/i2'
// NAN: 'linalg.matmul' op has weights that are NaN or infinite

//--- traces.json
{"matmul.0": 1.0, "matmul.7": 2.0}
//--- negative.json
{"matmul.0": -1.0, "matmul.1": 2.0}
//--- choices.json
{"matmul.0": {"i4": 1.0}}
//--- unknown.json
{"matmul.0": {"i4/eight": 1.0}}
//--- twice.json
{"matmul.0": {"i4": 1.0, "i4/i4": 2.0}}
//--- repeated.json
{"matmul.0": 1.0, "matmul.1": 2.0,
 "matmul.0": 3.0}
//--- repeated-choice.json
{"matmul.0": {"i4": 1.0, "i4": 1.0}, "matmul.1": {"i4": 1.0}}
//--- list.json
[1.0]

//--- main.mlir
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w0 = arith.constant dense<[[7.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %w1 = arith.constant dense<[[-7.0, 7.0], [-1.25, 6.25]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul ins(%x, %w0 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = linalg.matmul ins(%0, %w1 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}

//--- none.mlir
func.func @none(%x: tensor<1x2xf32>, %w: tensor<2x2xf32>) -> tensor<1x2xf32> {
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

//--- dynamic.mlir
func.func @rows(%x: tensor<?x2xf32>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %o = qfmt.observe %x "x" : tensor<?x2xf32>
  %0 = linalg.matmul ins(%o, %w : tensor<?x2xf32>, tensor<2x2xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

func.func @other(%x: tensor<1x2xf32>, %y: tensor<?x2xf32>, %init: tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<?x2xf32>) {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %o = qfmt.observe %y "y" : tensor<?x2xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0, %o : tensor<1x2xf32>, tensor<?x2xf32>
}

//--- names.mlir
func.func @names(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul {qfmt.layer = "matmul.1"}
    ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = linalg.matmul ins(%0, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}

//--- ties.mlir
func.func @ties(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w0 = arith.constant dense<1.0> : tensor<2x2xf32>
  %w1 = arith.constant dense<2.0> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul {qfmt.forced = "i4", qfmt.tie = "a"}
    ins(%x, %w0 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = linalg.matmul {qfmt.forced = "i8", qfmt.tie = "a"}
    ins(%0, %w1 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}

//--- forced.mlir
func.func @forced(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul {qfmt.forced = "i2"}
    ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

//--- nan.mlir
func.func @nan(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[1.0, 0x7FC00000], [1.0, 1.0]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

//--- given.mlir
// CHECK: 'linalg.matmul' op is the layer 'matmul.1', which has a candidate without the cost 'bytes', but 'qfmt.candidates' of the layer 'matmul.0' gives it; give it to all candidates or to none
func.func @costs(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul {qfmt.candidates = [{format = "i4", damage = 1.0, costs = {bytes = 4.0}}]}
    ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = linalg.matmul {qfmt.candidates = [{format = "i4", damage = 1.0, costs = {}}]}
    ins(%0, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}

// -----

// CHECK: 'linalg.matmul' op qfmt.candidates: 'i99x' is no format
func.func @format(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul {qfmt.candidates = [{format = "i99x", damage = 1.0, costs = {}}]}
    ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// -----

// CHECK: error: qfmt-assign-formats: {{.*}}'matmul.0'
func.func @not_a_number(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul {qfmt.candidates = [{format = "i4", damage = 0x7FF8000000000000 : f64, costs = {}}]}
    ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// -----

// CHECK: 'linalg.matmul' op has 'qfmt.tie', but is no contraction with constant weights
func.func @no_layer(%x: tensor<1x2xf32>, %w: tensor<2x2xf32>) -> tensor<1x2xf32> {
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul {qfmt.tie = "a"}
    ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}
