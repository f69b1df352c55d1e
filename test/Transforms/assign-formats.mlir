// RUN: split-file %s %t
// RUN: qfmt-opt %t/given.mlir -qfmt-assign-formats="damage=given budget-bytes=28" 2>&1 | FileCheck %t/given.mlir
// RUN: qfmt-opt %t/given.mlir -qfmt-assign-formats="damage=given budget-bytes=50%% solver=exhaustive" | FileCheck %t/given.mlir --check-prefix=HALF
// RUN: qfmt-opt %t/given.mlir -qfmt-assign-formats="damage=given" | FileCheck %t/given.mlir --check-prefix=FREE
// RUN: qfmt-opt %t/weights.mlir -qfmt-assign-formats="candidates=i4/i8,i8/i8,f32 damage=weights budget-bytes=22" 2>&1 | FileCheck %t/weights.mlir
// RUN: qfmt-opt %t/weights.mlir -qfmt-assign-formats="candidates=i4/i8,i8/i8,f32 budget-bit-operations=0%%" | FileCheck %t/weights.mlir --check-prefix=OPERATIONS
// RUN: qfmt-opt %t/weights.mlir -qfmt-assign-formats="candidates=i4/i8,f4E2M1FN/f4E2M1FN,f32 budget-luts=0%%" 2>&1 | FileCheck %t/weights.mlir --check-prefix=LUTS
// RUN: qfmt-opt %t/weights.mlir -qfmt-assign-formats="candidates=i4/i8,f32 damage=traces damage-file=%t/traces.json budget-bytes=26" 2>&1 | FileCheck %t/weights.mlir --check-prefix=TRACES
// RUN: qfmt-opt %t/weights.mlir -qfmt-assign-formats="candidates=i4/i8,i8,f32 damage=measured damage-file=%t/measured.json latency-table=%t/latencies.json budget-latency=5" 2>&1 | FileCheck %t/weights.mlir --check-prefix=MEASURED
// RUN: qfmt-opt %t/shared.mlir -qfmt-assign-formats="candidates=i4/i8,i8/i8 budget-bytes=50%%" 2>&1 | FileCheck %t/shared.mlir
// RUN: qfmt-opt %t/shared.mlir -qfmt-assign-formats="candidates=i4/i8,i8/i8 tie-shared-inputs budget-bytes=22" | FileCheck %t/shared.mlir --check-prefix=TIED
// RUN: qfmt-opt %t/formats.mlir -qfmt-assign-formats="candidates={nf4/f32,#qfmt.scaled<i4, scale = f16>/mxfp8,f6E2M3FN}" 2>&1 | FileCheck %t/formats.mlir

//--- given.mlir

// Costs and damages are those of the attribute; layers of one label get the
// same, a forced one has no choice. Within 28 bytes the second and third layer
// can have i8, which saves more than i8 in the first one.

// CHECK-DAG: remark: layer 'first' gets i4/i4: damage 3, bit_operations 64, bytes 4, luts 25; i8/i8 would save damage 3 for bit_operations 192, bytes 4, luts 56 more, beyond the budget by bytes 4
// CHECK-DAG: remark: layer 'matmul.1' gets i8/i8: damage 0, {{.*}}, bytes 8, {{.*}}; nothing that it may get does less damage
// CHECK-DAG: remark: layer 'matmul.3' gets i4/i4: damage 7, {{.*}}, bytes 8, {{.*}}; nothing that it may get does less damage
// CHECK-LABEL: func @given
// CHECK: linalg.matmul {qfmt.assigned = "i4/i4",
// CHECK: linalg.matmul {qfmt.assigned = "i8/i8",
// CHECK: linalg.matmul {qfmt.assigned = "i8/i8",
// CHECK: linalg.matmul {qfmt.assigned = "i4/i4",

// Half way is 20 + 12 / 2 bytes: i8 in the first one alone.
// HALF: linalg.matmul {qfmt.assigned = "i8/i8",
// HALF: linalg.matmul {qfmt.assigned = "i4/i4",
// HALF: linalg.matmul {qfmt.assigned = "i4/i4",
// HALF: linalg.matmul {qfmt.assigned = "i4/i4",

// FREE: linalg.matmul {qfmt.assigned = "i8/i8",
// FREE: linalg.matmul {qfmt.assigned = "i8/i8",
// FREE: linalg.matmul {qfmt.assigned = "i8/i8",
// FREE: linalg.matmul {qfmt.assigned = "i4/i4",
func.func @given(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul {qfmt.layer = "first", qfmt.candidates = [
      {format = "i4", damage = 3.0, costs = {bytes = 4.0}}, {format = "i8", damage = 0.0, costs = {bytes = 8.0}}]}
    ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = linalg.matmul {qfmt.tie = "pair", qfmt.candidates = [
      {format = "i4", damage = 2.0, costs = {bytes = 4.0}}, {format = "i8", damage = 0.0, costs = {bytes = 8.0}}]}
    ins(%0, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %2 = linalg.matmul {qfmt.tie = "pair", qfmt.candidates = [
      {format = "i4", damage = 2.0, costs = {bytes = 4.0}}, {format = "i8", damage = 0.5, costs = {bytes = 8.0}}]}
    ins(%1, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %3 = linalg.matmul {qfmt.forced = "i4", qfmt.candidates = [
      {format = "i4", damage = 7.0, costs = {bytes = 8.0}}, {format = "i8", damage = 0.0, costs = {bytes = 9.0}}]}
    ins(%2, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %3 : tensor<1x2xf32>
}

//--- weights.mlir

// In i4 with a scale of 1 a channel, 2.5 becomes 2 in the first layer, and
// -1.25 becomes -1, 6.25 becomes 6 in the second. Two scales of four bytes and
// four codes are 10 bytes in i4, 12 in i8, 16 in f32.

// CHECK-DAG: remark: layer 'matmul.0' gets i8/i8: damage 0.00{{.*}}, bit_operations 256, bytes 12, luts 81; f32/f32 would save
// CHECK-DAG: remark: layer 'matmul.1' gets i4/i8: damage 0.125, bit_operations 128, bytes 10, luts 45; i8/i8 would save damage 0.12{{.*}} for bit_operations 128, bytes 2, luts 36 more, beyond the budget by bytes 2
// CHECK-LABEL: func @weights
// CHECK: linalg.matmul {qfmt.assigned = "i8/i8"}
// CHECK: linalg.matmul {qfmt.assigned = "i4/i8"}

// OPERATIONS: linalg.matmul {qfmt.assigned = "i4/i8"}
// OPERATIONS: linalg.matmul {qfmt.assigned = "i4/i8"}

// Two significant bits in 4-bit floats: 4 + 4 + 3 * (4 + 4) / 2 + 10.
// LUTS-DAG: remark: layer 'matmul.0' gets f4E2M1FN/f4E2M1FN: {{.*}} luts 30;
// LUTS: linalg.matmul {qfmt.assigned = "f4E2M1FN/f4E2M1FN"}
// LUTS: linalg.matmul {qfmt.assigned = "f4E2M1FN/f4E2M1FN"}

// The first trace makes the smaller error the dearer one.
// TRACES-DAG: remark: layer 'matmul.0' gets f32/f32: damage 0, bit_operations 4096, bytes 16, luts {{.*}}; nothing that it may get does less damage
// TRACES-DAG: remark: layer 'matmul.1' gets i4/i8: damage 0.625, {{.*}}; f32/f32 would save damage 0.625
// TRACES: linalg.matmul {qfmt.assigned = "f32/f32"}
// TRACES: linalg.matmul {qfmt.assigned = "i4/i8"}

// MEASURED-DAG: remark: layer 'matmul.0' gets i4/i8: damage 3, {{.*}}, ms 1; i8/i8 would save damage 1 for {{.*}}, ms 1 more, beyond the budget by ms 1
// MEASURED-DAG: remark: layer 'matmul.1' gets f32/f32: damage 0, {{.*}}, ms 4;
// MEASURED: linalg.matmul {qfmt.assigned = "i4/i8"}
// MEASURED: linalg.matmul {qfmt.assigned = "f32/f32"}
func.func @weights(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w0 = arith.constant dense<[[7.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %w1 = arith.constant dense<[[-7.0, 7.0], [-1.25, 6.25]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul ins(%x, %w0 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = linalg.matmul ins(%0, %w1 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}

//--- traces.json
{"matmul.0": 4.0, "matmul.1": 5.0, "other": 1.0}

//--- measured.json
{"matmul.0": {"i4/i8": 3, "i8": 2, "f32": 1}, "matmul.1": {"i4/i8": 9.5, "i8/i8": 3, "f32/f32": 0}}

//--- latencies.json
{"matmul.0": {"i4/i8": 1, "i8": 2, "f32": 4}, "matmul.1": {"i4/i8": 1, "i8/i8": 2, "f32/f32": 4}}

//--- shared.mlir

// Two layers read one constant in one way: its codes are stored once, and both
// get the same. 10 bytes in i4, 12 in i8; twice that with the third layer.

// CHECK-DAG: remark: layer 'matmul.0' gets i8/i8: {{.*}}, bytes 12,
// CHECK-DAG: remark: layer 'matmul.1' gets i8/i8: {{.*}}, bytes 0,
// CHECK-DAG: remark: layer 'matmul.2' gets i4/i8: {{.*}}, bytes 10,
// CHECK-LABEL: func @shared
// CHECK: linalg.matmul {qfmt.assigned = "i8/i8"}
// CHECK: linalg.matmul {qfmt.assigned = "i8/i8"}
// CHECK: linalg.matmul {qfmt.assigned = "i4/i8"}

// TIED: linalg.matmul {qfmt.assigned = "i4/i8"}
// TIED: linalg.matmul {qfmt.assigned = "i4/i8"}
// TIED: linalg.matmul {qfmt.assigned = "i4/i8"}
func.func @shared(%x: tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %w0 = arith.constant dense<[[7.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %w1 = arith.constant dense<[[7.0, 7.0], [2.25, 2.0]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul ins(%x, %w0 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = linalg.matmul ins(%0, %w0 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %2 = linalg.matmul ins(%x, %w1 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %1, %2 : tensor<1x2xf32>, tensor<1x2xf32>
}

//--- formats.mlir

// Names, encodings and minifloats side by side. Half of all is exact in NF4,
// whose largest value is 1: two blocks of 64 codes with a scale each. Codebooks
// have no estimate of lookup tables.

// CHECK: remark: layer 'matmul.0' gets nf4/f32: damage 0, bit_operations 16384, bytes 72; nothing that it may get does less damage
// CHECK: linalg.matmul {qfmt.assigned = "nf4/f32"}
func.func @formats(%x: tensor<1x64xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<0.5> : tensor<64x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<1x64xf32>, tensor<64x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}
