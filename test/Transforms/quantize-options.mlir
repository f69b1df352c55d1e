// RUN: qfmt-opt %s -qfmt-quantize="weights=i4 activations=i16" | FileCheck %s --check-prefix=WIDTHS
// RUN: qfmt-opt %s -qfmt-quantize="calibration=percentile percentile=98" | FileCheck %s --check-prefix=P98
// RUN: qfmt-opt %s -qfmt-quantize="calibration=percentile percentile=99" | FileCheck %s --check-prefix=P99
// RUN: qfmt-opt %s -qfmt-quantize="calibration=mse" | FileCheck %s --check-prefix=MSE8
// RUN: qfmt-opt %s -qfmt-quantize="calibration=mse activations=i2" | FileCheck %s --check-prefix=MSE2
// RUN: qfmt-opt %s -qfmt-quantize="input-format=ui8:0.00392156862745098" | FileCheck %s --check-prefix=INPUT

// Codes narrower than a byte are dense, not a resource; 127/7 is no float, so
// that the scale is rounded, and -8 is never used.
// WIDTHS-DAG: #[[W:.*]] = #qfmt.scaled<i4, block = [*, 1], scale = f32>
// WIDTHS-DAG: #[[A:.*]] = #qfmt.scaled<i16, scale = 2.4414807558059692E-4>
// WIDTHS-DAG: #[[B:.*]] = #qfmt.scaled<ui16, scale = 1.5259021893143654E-5>
// WIDTHS: arith.constant dense<{{\[\[}}-7, 1], [4, 7]]> : tensor<2x2xi4>
// WIDTHS: arith.constant dense<{{\[\[}}18.1428566, 1.000000e+00]]> : tensor<1x2xf32>

// Histogram bins are 2 wide: 98 % lie between -2 and 2, the rest reaches 8.
// P98: #qfmt.scaled<i8, scale = 0.015748031437397003>
// P99: #qfmt.scaled<i8, scale = 0.062992125749588013>

// A bin counts as its center. With 8 bits clipping costs more than rounding: the
// outermost centers, -7 and 7, stay in range. With 2 bits (codes -2 to 1) and
// scale s the error is 98 s^2 / 12 + (7 - s)^2 + (7 - 2 s)^2, least at 1.595;
// thresholds are tried in steps of 8 / 128.
// MSE8: #qfmt.scaled<i8, scale = 0.055118110030889511>
// MSE2: #qfmt.scaled<i2, scale = 1.625000e+00>

// The argument's own statistics (0 to 1) count for nothing then.
// INPUT: #[[IN:.*]] = #qfmt.scaled<ui8, scale = 0.0039215686274509803>
// INPUT: qfmt.quantize %{{.*}} : tensor<1x2xf32> to tensor<1x2xf32, #[[IN]]>
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %o = qfmt.observe %x "argument.0" statistics = <min = 0.0, max = 1.0, count = 4, histogram = [0, 0, 2, 2]> : tensor<1x2xf32>
  %w = arith.constant dense<[[-127.0, 1.0], [64.0, 7.0]]> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %y = linalg.matmul ins(%o, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %r = qfmt.observe %y "matmul.0" statistics = <min = -8.0, max = 8.0, count = 100, histogram = [1, 0, 0, 49, 49, 0, 0, 1]> : tensor<1x2xf32>
  return %r : tensor<1x2xf32>
}

// The argument keeps its format and is converted to the one in which both meet:
// the larger range decides.
// INPUT-LABEL: func @joined
// INPUT: %[[X:.*]] = qfmt.quantize %{{.*}} : tensor<2xf32> to tensor<2xf32, #[[IN]]>
// INPUT: %[[E:.*]] = qfmt.quantize %{{.*}} : tensor<2xf32> to tensor<2xf32, #[[E_FORMAT:.*]]>
// INPUT: %[[C:.*]] = qfmt.convert %[[X]] : tensor<2xf32, #[[IN]]> to tensor<2xf32, #[[E_FORMAT]]>
// INPUT: tensor.concat dim(0) %[[C]], %[[E]]
func.func @joined(%x: tensor<2xf32>) -> tensor<4xf32> {
  %o = qfmt.observe %x "argument.1" statistics = <min = 0.0, max = 1.0, count = 4, histogram = [0, 0, 2, 2]> : tensor<2xf32>
  %empty = tensor.empty() : tensor<2xf32>
  %y = linalg.exp ins(%o : tensor<2xf32>) outs(%empty : tensor<2xf32>) -> tensor<2xf32>
  %e = qfmt.observe %y "exp.0" statistics = <min = 0.0, max = 254.0, count = 4, histogram = [0, 0, 2, 2]> : tensor<2xf32>
  %c = tensor.concat dim(0) %o, %e : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  return %c : tensor<4xf32>
}
