// RUN: split-file %s %t
// RUN: qfmt-opt %t/main.mlir -qfmt-clone-precisions="variants=wide=i8,narrow=i4@i8/i4" | FileCheck %t/main.mlir
// RUN: qfmt-opt %t/main.mlir -qfmt-clone-precisions="variants=wide=i8,narrow=i4@i8/i4" -qfmt-quantize | FileCheck %t/main.mlir --check-prefix=QUANTIZED
// RUN: qfmt-opt %t/main.mlir -qfmt-clone-precisions="variants=wide=i8,narrow=i4@i8/i8" -qfmt-quantize -qfmt-verify-level=level=encoded -qfmt-integerize \
// RUN:   | FileCheck %t/main.mlir --check-prefix=INTEGER
// RUN: qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4@i8/i8,i8 budget-bit-operations=0%% report=%t/report.json" -o /dev/null
// RUN: qfmt-opt %t/main.mlir -qfmt-clone-precisions="variants=small=%t/report.json" | FileCheck %t/main.mlir --check-prefix=FILE
// RUN: qfmt-opt %t/main.mlir -qfmt-clone-precisions="variants=solved=%t/solution.json" | FileCheck %t/main.mlir --check-prefix=SOLVED

//--- main.mlir

// One function a variant; ids and names stay unique, what led to the formats is
// gone, and functions without layers stay.

// CHECK-NOT: @main(
// CHECK-LABEL: func.func @main_wide(
// CHECK: qfmt.observe %arg0 "wide.argument.0"
// CHECK: linalg.matmul {qfmt.assigned = "i8/i8", qfmt.layer = "wide.first"}
// CHECK-LABEL: func.func @main_narrow(
// CHECK: qfmt.observe %arg0 "narrow.argument.0"
// CHECK: linalg.matmul {qfmt.assigned = "i4@i8/i4", qfmt.layer = "narrow.first"}
// CHECK-LABEL: func.func @other(

// The codes are one constant: 100 / 16 is 6, 24 and -24 tie to even, 127 / 16
// saturates. Scales are 16 times as large.

// QUANTIZED-LABEL: func.func @main_wide(
// QUANTIZED: %[[CODES:.*]] = arith.constant dense<{{\[}}[127, 100], [-24, 127], [24, -127]]> : tensor<3x2xi8>
// QUANTIZED: %[[SCALES:.*]] = arith.constant dense<1.000000e+00> : tensor<1x2xf32>
// QUANTIZED: %[[W:.*]] = qfmt.assemble %[[CODES]], %[[SCALES]]
// QUANTIZED: linalg.matmul {qfmt.layer = "wide.first"} ins(%{{.*}}, %[[W]] :
// QUANTIZED-LABEL: func.func @main_narrow(
// QUANTIZED: %[[CODES:.*]] = arith.constant dense<{{\[}}[127, 100], [-24, 127], [24, -127]]> : tensor<3x2xi8>
// QUANTIZED: %[[SCALES:.*]] = arith.constant dense<1.000000e+00> : tensor<1x2xf32>
// QUANTIZED: %[[MASTER:.*]] = qfmt.assemble %[[CODES]], %[[SCALES]]
// QUANTIZED: %[[WIDE:.*]] = arith.constant dense<1.600000e+01> : tensor<1x2xf32>
// QUANTIZED: %[[W:.*]] = qfmt.convert %[[MASTER]] given(%[[WIDE]] : tensor<1x2xf32>)
// QUANTIZED: linalg.matmul {qfmt.layer = "narrow.first"} ins(%{{.*}}, %[[W]] :

// On integers rounding is a shift.
// INTEGER-LABEL: func.func @main_narrow(
// INTEGER: %[[CODES:.*]] = arith.constant dense<{{\[}}[127, 100], [-24, 127], [24, -127]]> : tensor<3x2xi8>
// INTEGER: linalg.generic {{.*}} ins(%[[CODES]] : tensor<3x2xi8>) outs(%{{.*}} : tensor<3x2xi4>)
// INTEGER: %[[W:.*]] = arith.extsi %in : i8 to i32
// INTEGER: %[[FLOOR:.*]] = arith.shrsi %[[W]], %c4{{.*}} : i32
// INTEGER: arith.andi %[[FLOOR]], %c1{{.*}} : i32

// FILE: linalg.matmul {qfmt.assigned = "i4@i8/i8", qfmt.layer = "small.first"}
// SOLVED: linalg.matmul {qfmt.assigned = "i6@i8/i8", qfmt.layer = "solved.first"}
func.func @main(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[127.0, 100.0], [-24.0, 127.0], [24.0, -127.0]]> : tensor<3x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %o = qfmt.observe %x "argument.0" statistics = <min = -7.0, max = 7.0, count = 4, histogram = [1, 1, 1, 1]> : tensor<1x3xf32>
  %y = linalg.matmul {qfmt.layer = "first", qfmt.tie = "a"} ins(%o, %w : tensor<1x3xf32>, tensor<3x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %r = qfmt.observe %y "matmul.0" statistics = <min = -7.0, max = 7.0, count = 4, histogram = [1, 1, 1, 1]> : tensor<1x2xf32>
  return %r : tensor<1x2xf32>
}

func.func @other(%x: tensor<2xf32>) -> tensor<2xf32> {
  %o = qfmt.observe %x "argument.1" statistics = <min = -7.0, max = 7.0, count = 4, histogram = [1, 1, 1, 1]> : tensor<2xf32>
  return %o : tensor<2xf32>
}

//--- solution.json
{"status": "optimal", "objective": 1.0, "choice": {"first": "i6@i8/i8"}}
