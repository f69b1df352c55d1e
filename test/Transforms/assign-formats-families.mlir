// RUN: split-file %s %t
// RUN: qfmt-opt %t/floats.mlir -qfmt-assign-formats="candidates=float<4>/i8 report=%t/report.json" | FileCheck %t/floats.mlir
// RUN: FileCheck %t/floats.mlir --check-prefix=REPORT --input-file=%t/report.json
// RUN: qfmt-opt %t/floats.mlir -qfmt-assign-formats="candidates=f4E2M1FN/i8,float<4>/i8,f4E2M1FN/f32" | FileCheck %t/floats.mlir
// RUN: qfmt-opt %t/floats.mlir -qfmt-assign-formats="candidates=float<8>/f32" 2>&1 | FileCheck %t/floats.mlir --check-prefix=WIDE
// RUN: qfmt-opt %t/clip.mlir -qfmt-assign-formats="candidates=float<4>/i8,float<4>:mse/i8" 2>&1 | FileCheck %t/clip.mlir
// RUN: qfmt-opt %t/clip.mlir -qfmt-assign-formats="candidates=i4:absmax/mxfp8,i4:mse/mxfp8,mxfp4:mse/mxfp8:mse budget-bytes=10" | FileCheck %t/clip.mlir --check-prefix=RULES
// RUN: qfmt-opt %t/power.mlir -qfmt-assign-formats="candidates=power<4>/f32" 2>&1 | FileCheck %t/power.mlir
// RUN: qfmt-opt %t/fixed.mlir -qfmt-assign-formats="candidates=fixed<4>/i8" 2>&1 | FileCheck %t/fixed.mlir
// RUN: qfmt-opt %t/fixed.mlir -qfmt-assign-formats="candidates=fixed<4>/i8 tie-shared-inputs" 2>&1 | FileCheck %t/fixed.mlir --check-prefix=TIED
// RUN: qfmt-opt %t/data.mlir -qfmt-assign-formats="candidates=i8/fixed<8>" 2>&1 | FileCheck %t/data.mlir

//--- floats.mlir

// Powers of two are exact with three exponent bits, 1 2 3 4 6 8 12 with two,
// multiples of one number with one. Each layer gets its own split.

// CHECK-LABEL: func @floats
// CHECK: linalg.matmul {qfmt.assigned = "!qfmt.float<3, 0>/i8"}
// CHECK: linalg.matmul {qfmt.assigned = "f4E2M1FN/i8"}
// CHECK: linalg.matmul {qfmt.assigned = "!qfmt.float<1, 2>/i8"}

// The report has every member.
// REPORT: "name": "matmul.0"
// REPORT: "candidates": [
// REPORT: "format": "!qfmt.float<1, 2>/i8"
// REPORT: "format": "f4E2M1FN/i8"
// REPORT: "format": "!qfmt.float<3, 0>/i8"
// REPORT-NOT: "format"
// REPORT: "name": "matmul.1"

// 3.5 is not exact in 64ths of 64, but all of the last layer is in 8 bits with
// one or two for the exponent.
// WIDE: remark: layer 'matmul.2' gets !qfmt.float<{{[12]}}, {{[56]}}>/f32: damage 0,
// WIDE: linalg.matmul {qfmt.assigned = "!qfmt.float<{{[1-5], [2-6]}}>/f32"}
func.func @floats(%x: tensor<1x8xf32>) -> (tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {
  %w0 = arith.constant dense<[[1.0], [2.0], [-4.0], [8.0], [16.0], [-32.0], [64.0], [0.0]]> : tensor<8x1xf32>
  %w1 = arith.constant dense<[[1.0], [2.0], [-3.0], [4.0], [6.0], [-8.0], [12.0], [0.0]]> : tensor<8x1xf32>
  %w2 = arith.constant dense<[[0.5], [1.0], [-1.5], [2.0], [2.5], [-3.0], [3.5], [0.0]]> : tensor<8x1xf32>
  %init = arith.constant dense<0.0> : tensor<1x1xf32>
  %0 = linalg.matmul ins(%x, %w0 : tensor<1x8xf32>, tensor<8x1xf32>) outs(%init : tensor<1x1xf32>) -> tensor<1x1xf32>
  %1 = linalg.matmul ins(%x, %w1 : tensor<1x8xf32>, tensor<8x1xf32>) outs(%init : tensor<1x1xf32>) -> tensor<1x1xf32>
  %2 = linalg.matmul ins(%x, %w2 : tensor<1x8xf32>, tensor<8x1xf32>) outs(%init : tensor<1x1xf32>) -> tensor<1x1xf32>
  return %0, %1, %2 : tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>
}

//--- clip.mlir

// All but 6.75 are exact in E2M1 with a scale of 1: it pays to clip that.

// CHECK: remark: layer 'matmul.0' gets f4E2M1FN:mse/i8: damage 0.46{{.*}}; nothing that it may get does less damage
// CHECK: linalg.matmul {qfmt.assigned = "f4E2M1FN:mse/i8"}

// A rule stands behind any format, and is dropped where it is the format's own.
// RULES: linalg.matmul {qfmt.assigned = "i4:mse/mxfp8"}
func.func @clip(%x: tensor<1x12xf32>) -> tensor<1x1xf32> {
  %w = arith.constant dense<[[6.75], [6.0], [-6.0], [4.0], [-4.0], [3.0], [-3.0], [2.0], [1.5], [1.0], [0.5], [-6.0]]> : tensor<12x1xf32>
  %init = arith.constant dense<0.0> : tensor<1x1xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<1x12xf32>, tensor<12x1xf32>) outs(%init : tensor<1x1xf32>) -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
}

//--- power.mlir

// Squares are exact with the exponent 1/2, equal steps with 1.

// CHECK-DAG: remark: layer 'matmul.0' gets !qfmt.power<4, 5.000000e-01>/f32: damage 0,
// CHECK-DAG: remark: layer 'matmul.1' gets !qfmt.int<i4, -7, 7>/f32: damage 0,
// CHECK: linalg.matmul {qfmt.assigned = "!qfmt.power<4, 5.000000e-01>/f32"}
// CHECK: linalg.matmul {qfmt.assigned = "!qfmt.int<i4, -7, 7>/f32"}
func.func @power(%x: tensor<1x8xf32>) -> (tensor<1x1xf32>, tensor<1x1xf32>) {
  %w0 = arith.constant dense<[[1.0], [-4.0], [9.0], [16.0], [25.0], [-36.0], [49.0], [0.0]]> : tensor<8x1xf32>
  %w1 = arith.constant dense<[[1.0], [-2.0], [3.0], [4.0], [5.0], [-6.0], [7.0], [0.0]]> : tensor<8x1xf32>
  %init = arith.constant dense<0.0> : tensor<1x1xf32>
  %0 = linalg.matmul ins(%x, %w0 : tensor<1x8xf32>, tensor<8x1xf32>) outs(%init : tensor<1x1xf32>) -> tensor<1x1xf32>
  %1 = linalg.matmul ins(%x, %w1 : tensor<1x8xf32>, tensor<8x1xf32>) outs(%init : tensor<1x1xf32>) -> tensor<1x1xf32>
  return %0, %1 : tensor<1x1xf32>, tensor<1x1xf32>
}

//--- fixed.mlir

// Eighths below 1 and halves below 4 are exact. In the third layer 0.875 is
// nearer to 1.0625 than the many 0.09375 would be to quarters.

// CHECK-DAG: remark: layer 'matmul.0' gets #qfmt.scaled<!qfmt.fixed<4, 1>>/i8: damage 0,
// CHECK-DAG: remark: layer 'matmul.1' gets #qfmt.scaled<!qfmt.fixed<4, 3>>/i8: damage 0,
// CHECK-DAG: remark: layer 'matmul.2' gets #qfmt.scaled<!qfmt.fixed<4, 1>>/i8: damage 0.0{{[0-9]+}}, {{.*}}; nothing that it may get does less damage
// CHECK-LABEL: func @fixed

// TIED-DAG: remark: layer 'matmul.0' gets #qfmt.scaled<!qfmt.fixed<4, 3>>/i8:
// TIED-DAG: remark: layer 'matmul.1' gets #qfmt.scaled<!qfmt.fixed<4, 3>>/i8:
// TIED-DAG: remark: layer 'matmul.2' gets #qfmt.scaled<!qfmt.fixed<4, 3>>/i8:
func.func @fixed(%x: tensor<1x8xf32>) -> (tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {
  %w0 = arith.constant dense<[[0.125], [-0.25], [0.375], [0.5], [0.625], [-1.0], [0.875], [0.0]]> : tensor<8x1xf32>
  %w1 = arith.constant dense<[[0.5], [-1.0], [1.5], [2.0], [2.5], [-3.0], [3.5], [0.0]]> : tensor<8x1xf32>
  %w2 = arith.constant dense<[[0.09375], [-0.09375], [0.09375], [0.09375], [-0.09375], [0.09375], [0.09375], [1.0625]]> : tensor<8x1xf32>
  %init = arith.constant dense<0.0> : tensor<1x1xf32>
  %0 = linalg.matmul ins(%x, %w0 : tensor<1x8xf32>, tensor<8x1xf32>) outs(%init : tensor<1x1xf32>) -> tensor<1x1xf32>
  %1 = linalg.matmul ins(%x, %w1 : tensor<1x8xf32>, tensor<8x1xf32>) outs(%init : tensor<1x1xf32>) -> tensor<1x1xf32>
  %2 = linalg.matmul ins(%x, %w2 : tensor<1x8xf32>, tensor<8x1xf32>) outs(%init : tensor<1x1xf32>) -> tensor<1x1xf32>
  return %0, %1, %2 : tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>
}

//--- data.mlir

// Data gets the member with the least error of what was seen: the first layer
// reads up to 3.5, for which three integer bits do, the second up to 0.4, and
// what is tied to it reads the same and less.

// CHECK: linalg.matmul {qfmt.assigned = "i8/#qfmt.scaled<!qfmt.fixed<8, 3>>"}
// CHECK: linalg.matmul {qfmt.assigned = "i8/#qfmt.scaled<!qfmt.fixed<8, 0>>", qfmt.tie = "a"}
// CHECK: linalg.matmul {qfmt.assigned = "i8/#qfmt.scaled<!qfmt.fixed<8, 0>>", qfmt.tie = "a"}
func.func @data(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>, %z: tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>) {
  %w0 = arith.constant dense<[[7.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %w1 = arith.constant dense<[[7.0, 7.0], [2.5, 3.0]]> : tensor<2x2xf32>
  %w2 = arith.constant dense<[[7.0, 7.0], [2.5, 4.0]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %a = qfmt.observe %x "x" statistics = <min = -3.5, max = 3.5, count = 80, histogram = [10, 10, 10, 10, 10, 10, 10, 10]> : tensor<1x2xf32>
  %b = qfmt.observe %y "y" statistics = <min = -0.4, max = 0.4, count = 80, histogram = [10, 10, 10, 10, 10, 10, 10, 10]> : tensor<1x2xf32>
  %c = qfmt.observe %z "z" statistics = <min = -0.2, max = 0.2, count = 80, histogram = [10, 10, 10, 10, 10, 10, 10, 10]> : tensor<1x2xf32>
  %0 = linalg.matmul ins(%a, %w0 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = linalg.matmul {qfmt.tie = "a"} ins(%b, %w1 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %2 = linalg.matmul {qfmt.tie = "a"} ins(%c, %w2 : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0, %1, %2 : tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>
}
