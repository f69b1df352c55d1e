// RUN: split-file %s %t
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=float<20>/i8" 2>&1 | FileCheck %s --check-prefix=BITS
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=power<4/i8" 2>&1 | FileCheck %s --check-prefix=CLOSED
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates={fixed<8, 4>/i8}" 2>&1 | FileCheck %s --check-prefix=TWO
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=float<4>" 2>&1 | FileCheck %s --check-prefix=DATA
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i8/float<8>" 2>&1 | FileCheck %s --check-prefix=DATA
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i8/float<8>:mse" 2>&1 | FileCheck %s --check-prefix=DATARULE
// RUN: not qfmt-opt %t/forced.mlir -qfmt-assign-formats="candidates=float<4>/i8" 2>&1 | FileCheck %s --check-prefix=FORCED
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=fixed<8>:mse/i8" 2>&1 | FileCheck %s --check-prefix=FIXED
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=float<4>:best/i8" 2>&1 | FileCheck %s --check-prefix=RULE
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i8/i8:mse" 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=f32:mse/i8" 2>&1 | FileCheck %s --check-prefix=REAL
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=uint4_g128:mse/f32" 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4:two_level/f32" 2>&1 | FileCheck %s --check-prefix=LEVELS
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i8@i4/i8" 2>&1 | FileCheck %s --check-prefix=MASTER
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=f4E2M1FN@i8/i8" 2>&1 | FileCheck %s --check-prefix=MASTER
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i8/i4@i8" 2>&1 | FileCheck %s --check-prefix=MASTERDATA
// RUN: not qfmt-opt %t/main.mlir -qfmt-assign-formats="candidates=i4@i8:mse/i8" 2>&1 | FileCheck %s --check-prefix=MASTERRULE
// RUN: not qfmt-opt %t/assigned.mlir -qfmt-quantize 2>&1 | FileCheck %s --check-prefix=ASSIGNED
// RUN: not qfmt-opt %t/main.mlir -qfmt-quantize="weights=float<4>" 2>&1 | FileCheck %s --check-prefix=OPTION

// BITS: option 'candidates' of qfmt-assign-formats: 'float<20>' is no family of formats; float<n> has n = 3 to 8 bits
// CLOSED: option 'candidates' of qfmt-assign-formats: 'power<4' is no family of formats; power<n> has n = 3 to 8 bits
// TWO: option 'candidates' of qfmt-assign-formats: 'fixed<8, 4>' is no family of formats; fixed<n> has n = 2 to 16 bits
// DATA: 'linalg.matmul' op is the layer 'matmul.0', whose data has no statistics, by which a member of a family of formats is chosen; run qfmt-insert-observers and qfmt-annotate first
// DATARULE: option 'candidates' of qfmt-assign-formats: the scale of data in '!qfmt.float<1, 6>' follows from statistics
// FORCED: 'linalg.matmul' op qfmt.forced: 'power<4>' is a family of formats, of which one has to be chosen first; qfmt-assign-formats does so with its option 'candidates'
// FIXED: option 'candidates' of qfmt-assign-formats: 'fixed<8>' has no scales, drop ':mse'
// RULE: option 'candidates' of qfmt-assign-formats: 'best' is no scale rule; behind ':' stands absmax, floor_log2, ceil_log2, mse or two_level
// STATISTICS: option 'candidates' of qfmt-assign-formats: the scale of data in 'i8' follows from statistics, as the option 'calibration' of qfmt-quantize says; drop ':mse'
// REAL: option 'candidates' of qfmt-assign-formats: f32 has no scales, drop ':mse'
// ZERO: option 'candidates' of qfmt-assign-formats: 'mse' defines no zero point, but uint4_g128:mse has one; drop ':mse'
// LEVELS: option 'candidates' of qfmt-assign-formats: scale_rule = two_level needs a scale that is itself scaled at run time
// MASTER: option 'candidates' of qfmt-assign-formats: '{{.*}}@{{.*}}' is no format; before '@' stand integers of fewer bits than those behind it, from which they are rounded: i4@i8
// MASTERDATA: option 'candidates' of qfmt-assign-formats: 'i4@i8' is no format of activations: weights alone can have a master, data is rounded once
// MASTERRULE: option 'candidates' of qfmt-assign-formats: the scales of i4@i8 are those of its master, whose rule is absmax; drop ':mse'
// ASSIGNED: 'linalg.matmul' op qfmt.assigned: 'power<4>' is a family of formats
// OPTION: option 'weights' of qfmt-quantize: 'float<4>' is a family of formats

//--- main.mlir
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[7.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

//--- assigned.mlir
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[7.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul {qfmt.assigned = "power<4>/i8"} ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

//--- forced.mlir
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[7.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul {qfmt.forced = "power<4>/i8"} ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}
