// RUN: not qfmt-opt %s -qfmt-quantize 2>&1 | FileCheck %s --check-prefix=STATISTICS
// RUN: not qfmt-opt %s -qfmt-quantize=weights=i1 2>&1 | FileCheck %s --check-prefix=WEIGHTS
// RUN: not qfmt-opt %s -qfmt-quantize=weights=i17 2>&1 | FileCheck %s --check-prefix=WIDE
// RUN: not qfmt-opt %s -qfmt-quantize=activations=ui8 2>&1 | FileCheck %s --check-prefix=UNSIGNED
// RUN: not qfmt-opt %s -qfmt-quantize=activations=f64 2>&1 | FileCheck %s --check-prefix=FLOAT
// RUN: not qfmt-opt %s -qfmt-quantize=activations=eight 2>&1 | FileCheck %s --check-prefix=WORD
// RUN: not qfmt-opt %s -qfmt-quantize=calibration=best 2>&1 | FileCheck %s --check-prefix=METHOD
// RUN: not qfmt-opt %s -qfmt-quantize="calibration=percentile percentile=0" 2>&1 | FileCheck %s --check-prefix=PERCENTILE
// RUN: not qfmt-opt %s -qfmt-quantize="percentile=nan" 2>&1 | FileCheck %s --check-prefix=PERCENTILE
// RUN: not qfmt-opt %s -qfmt-quantize=input-format=ui8 2>&1 | FileCheck %s --check-prefix=SCALE
// RUN: not qfmt-opt %s -qfmt-quantize=input-format=ui8:0 2>&1 | FileCheck %s --check-prefix=SCALE
// RUN: not qfmt-opt %s -qfmt-quantize=input-format=ui8:-1 2>&1 | FileCheck %s --check-prefix=SCALE
// RUN: not qfmt-opt %s -qfmt-quantize=input-format=ui8:1e-60 2>&1 | FileCheck %s --check-prefix=SCALE
// RUN: not qfmt-opt %s -qfmt-quantize=input-format=u8:1 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not qfmt-opt %s -qfmt-quantize=input-format=ui8:0.0039 2>&1 | FileCheck %s --check-prefix=RANGE

// STATISTICS: 'qfmt.observe' op has no statistics; run qfmt-annotate first
// WEIGHTS: option 'weights' of qfmt-quantize: 'i1' is no format of weights, integers are i2 to i16
// WIDE: option 'weights' of qfmt-quantize: integer formats have 1 to 16 bits, found 'i17'
// UNSIGNED: option 'activations' of qfmt-quantize: 'ui8' is no format of activations, integers are i2 to i16 (of ranges without negative values ui2 to ui16)
// FLOAT: option 'activations' of qfmt-quantize: 'f64' is no format
// WORD: option 'activations' of qfmt-quantize: 'eight' is no format; give a number format (i4, f8E4M3FN, !qfmt.float<3, 4>), a name that qfmt-opt --list-formats lists (mxfp4), an encoding (#qfmt.scaled<i4, scale = f16>), or f32 for what stays
// METHOD: option 'calibration' of qfmt-quantize takes minmax, percentile or mse, found 'best'
// PERCENTILE: option 'percentile' of qfmt-quantize is above 0 and at most 100, found
// SCALE: option 'input-format' of qfmt-quantize takes a number format and a positive scale, such as ui8:0.00392156862745098, found 'ui8
// FORMAT: option 'input-format' of qfmt-quantize takes i2 to i16 or ui2 to ui16, found 'u8'
// RANGE: 'qfmt.observe' op was seen between 0.000000e+00 and 1.000000e+00, beyond what #qfmt.scaled<ui8, scale = 3.900000e-03> reaches; give another input-format

func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %o = qfmt.observe %x "argument.0" statistics = <min = 0.0, max = 1.0, count = 4, histogram = [0, 0, 2, 2]> : tensor<1x2xf32>
  %w = arith.constant dense<[[-127.0, 1.0], [64.0, 2.0]]> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %y = linalg.matmul ins(%o, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
func.func private @unobserved(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %o = qfmt.observe %x "argument.1" : tensor<1x2xf32>
  return %o : tensor<1x2xf32>
}
