// RUN: qfmt-opt %s -split-input-file -qfmt-quantize | FileCheck %s
// RUN: qfmt-opt %s -split-input-file -qfmt-quantize -qfmt-verify-level=level=encoded -o /dev/null
// RUN: qfmt-opt %s -split-input-file -qfmt-quantize="weights=mxfp4 activations=mxfp8" | FileCheck %s --check-prefix=FLOAT

// Only layers read h: it is stored as the widest wants, and the other reads a
// conversion of the same range. What was assigned is gone, names stay.

// CHECK-DAG: #[[X4:.*]] = #qfmt.scaled<i4, scale = 5.000000e-01>
// CHECK-DAG: #[[H8:.*]] = #qfmt.scaled<i8, scale = 5.000000e-01>
// CHECK-DAG: #[[H4:.*]] = #qfmt.scaled<i4, scale = 9.07142{{.*}}>
// CHECK-DAG: #[[W2:.*]] = #qfmt.scaled<i2, block = [*, 1], scale = f32>
// CHECK-DAG: #[[W4:.*]] = #qfmt.scaled<i4, block = [*, 1], scale = f32>
// CHECK-LABEL: func @integers
// CHECK: %[[X:.*]] = qfmt.quantize %arg0 : tensor<1x2xf32> to tensor<1x2xf32, #[[X4]]>
// CHECK: linalg.matmul {qfmt.layer = "first"} ins(%[[X]], %{{.*}} : tensor<1x2xf32, #[[X4]]>, tensor<2x2xf32, #[[W4]]>)
// CHECK: %[[H:.*]] = qfmt.quantize %{{.*}} : tensor<1x2xf32> to tensor<1x2xf32, #[[H8]]>
// CHECK: %[[N:.*]] = qfmt.convert %[[H]] : tensor<1x2xf32, #[[H8]]> to tensor<1x2xf32, #[[H4]]>
// CHECK: linalg.matmul ins(%[[N]], %{{.*}} : tensor<1x2xf32, #[[H4]]>, tensor<2x2xf32, #[[W4]]>)
// CHECK: linalg.matmul ins(%[[H]], %{{.*}} : tensor<1x2xf32, #[[H8]]>, tensor<2x2xf32, #[[W2]]>)
// CHECK-NOT: qfmt.assigned
func.func @integers(%x: tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %w = arith.constant dense<[[-7.0, 1.0], [6.0, 2.0]]> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %o = qfmt.observe %x "argument.0" statistics = <min = -3.5, max = 3.5, count = 4, histogram = [1, 1, 1, 1]> : tensor<1x2xf32>
  %h = linalg.matmul {qfmt.layer = "first", qfmt.assigned = "i4"} ins(%o, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %p = qfmt.observe %h "matmul.0" statistics = <min = -63.5, max = 63.5, count = 4, histogram = [1, 1, 1, 1]> : tensor<1x2xf32>
  %a = linalg.matmul {qfmt.assigned = "i4/i4"} ins(%p, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %b = linalg.matmul {qfmt.assigned = "i2/i8"} ins(%p, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %a, %b : tensor<1x2xf32>, tensor<1x2xf32>
}

// -----

// The sum needs i8, which the option says. Its wider reader takes that, too: the
// bits that are lost do not come back.

// CHECK-LABEL: func @others
// CHECK: %[[X:.*]] = qfmt.quantize %arg0 : tensor<1x2xf32> to tensor<1x2xf32, #[[X8:.*]]>
// CHECK: %[[N:.*]] = qfmt.convert %[[X]] : tensor<1x2xf32, #[[X8]]> to tensor<1x2xf32, #[[F8:.*]]>
// CHECK: linalg.matmul ins(%[[X]], %{{.*}} : tensor<1x2xf32, #[[X8]]>
// CHECK: linalg.matmul ins(%[[N]], %{{.*}} : tensor<1x2xf32, #[[F8]]>
// CHECK: linalg.add ins(%[[X]],
// FLOAT-LABEL: func @others
// FLOAT: linalg.add ins(%arg0,
func.func @others(%x: tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>) {
  %w = arith.constant dense<[[-7.0, 1.0], [6.0, 2.0]]> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %o = qfmt.observe %x "argument.0" statistics = <min = -7.0, max = 7.0, count = 4, histogram = [1, 1, 1, 1]> : tensor<1x2xf32>
  %a = linalg.matmul {qfmt.assigned = "i8/i16"} ins(%o, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %b = linalg.matmul {qfmt.assigned = "f8E4M3FN"} ins(%o, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %s = linalg.add ins(%o, %zeros : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %a, %b, %s : tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>
}

// -----

// Scales of data come at run time, of blocks along what is summed over: input
// channels, also behind padding, which moves no such scale. Nothing needs
// statistics. A layer in f32 reads reals.

// CHECK-DAG: #[[DATA:.*]] = #qfmt.scaled<f8E4M3FN, block = [1, 32, 1, 1], scale = f8E8M0FNU>
// CHECK-DAG: #[[WEIGHTS:.*]] = #qfmt.scaled<f4E2M1FN, block = [1, 32, 1, 1], scale = f8E8M0FNU>
// CHECK-DAG: #[[NF4:.*]] = #qfmt.scaled<!qfmt.codebook<{{.*}}>, block = [1, 64, 1, 1], scale = f32>
// CHECK-LABEL: func @blocks
// CHECK: %[[W:.*]] = arith.constant dense<2.0
// CHECK-DAG: %[[WQ:.*]] = qfmt.quantize %[[W]] scale_rule = floor_log2 : tensor<4x64x3x3xf32> to tensor<4x64x3x3xf32, #[[WEIGHTS]]>
// CHECK-DAG: %[[WN:.*]] = qfmt.quantize %[[W]] : tensor<4x64x3x3xf32> to tensor<4x64x3x3xf32, #[[NF4]]>
// CHECK: %[[P:.*]] = tensor.pad %arg0
// CHECK: %[[Q:.*]] = qfmt.quantize %[[P]] scale_rule = floor_log2 : tensor<1x64x4x4xf32> to tensor<1x64x4x4xf32, #[[DATA]]>
// CHECK: linalg.conv_2d_nchw_fchw ins(%[[Q]], %[[WQ]] :
// CHECK: linalg.conv_2d_nchw_fchw ins(%[[P]], %[[WN]] :
func.func @blocks(%x: tensor<1x64x2x2xf32>) -> (tensor<1x4x2x2xf32>, tensor<1x4x2x2xf32>) {
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<2.0> : tensor<4x64x3x3xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x4x2x2xf32>
  %o = qfmt.observe %x "argument.0" : tensor<1x64x2x2xf32>
  %p = tensor.pad %o low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x64x2x2xf32> to tensor<1x64x4x4xf32>
  %a = linalg.conv_2d_nchw_fchw {qfmt.assigned = "mxfp4/mxfp8"} ins(%p, %w : tensor<1x64x4x4xf32>, tensor<4x64x3x3xf32>) outs(%zeros : tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  %b = linalg.conv_2d_nchw_fchw {qfmt.assigned = "nf4/f32"} ins(%p, %w : tensor<1x64x4x4xf32>, tensor<4x64x3x3xf32>) outs(%zeros : tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  return %a, %b : tensor<1x4x2x2xf32>, tensor<1x4x2x2xf32>
}

// -----

// Stored as i8 for the first layer; the second reads the same codes in blocks,
// the third their values. Weights in f32 stay.

// CHECK-DAG: #[[I8:.*]] = #qfmt.scaled<i8, scale = 5.000000e-01>
// CHECK-DAG: #[[MX:.*]] = #qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>
// CHECK-LABEL: func @codes
// CHECK: %[[X:.*]] = qfmt.quantize %arg0 : tensor<1x64xf32> to tensor<1x64xf32, #[[I8]]>
// CHECK: %[[N:.*]] = qfmt.convert %[[X]] scale_rule = floor_log2 : tensor<1x64xf32, #[[I8]]> to tensor<1x64xf32, #[[MX]]>
// CHECK: linalg.matmul ins(%[[X]], %cst{{.*}} : tensor<1x64xf32, #[[I8]]>, tensor<64x2xf32>)
// CHECK: linalg.matmul ins(%[[N]],
func.func @codes(%x: tensor<1x64xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %w = arith.constant dense<2.0> : tensor<64x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %o = qfmt.observe %x "argument.0" statistics = <min = -63.5, max = 63.5, count = 4, histogram = [1, 1, 1, 1]> : tensor<1x64xf32>
  %a = linalg.matmul {qfmt.assigned = "f32/i8"} ins(%o, %w : tensor<1x64xf32>, tensor<64x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %b = linalg.matmul {qfmt.assigned = "mxfp4"} ins(%o, %w : tensor<1x64xf32>, tensor<64x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %a, %b : tensor<1x2xf32>, tensor<1x2xf32>
}
