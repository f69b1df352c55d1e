// RUN: qfmt-opt %s -split-input-file -qfmt-quantize=wide-activations=i16 | FileCheck %s
// RUN: qfmt-opt %s -split-input-file -qfmt-quantize=wide-activations=i16 -qfmt-verify-level=level=encoded -o /dev/null
// RUN: qfmt-opt %s -split-input-file -qfmt-quantize="wide-activations=i16 input-format=ui16:0.0001220703125" | FileCheck %s --check-prefix=INPUT
// RUN: qfmt-opt %s -split-input-file -qfmt-quantize="wide-activations=i16 input-format=ui8:0.03125" | FileCheck %s --check-prefix=NARROW
// RUN: qfmt-opt %s -split-input-file -qfmt-quantize=wide-activations=f32 | FileCheck %s --check-prefix=REAL
// RUN: not qfmt-opt %s -split-input-file -qfmt-quantize=wide-activations=i17 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not qfmt-opt %s -split-input-file -qfmt-quantize=wide-activations=f16 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not qfmt-opt %s -split-input-file -qfmt-quantize=wide-activations=ui16 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not qfmt-opt %s -split-input-file -qfmt-quantize="activations=i8 wide-activations=i4" 2>&1 | FileCheck %s --check-prefix=ORDER

// RANGE: option 'wide-activations' of qfmt-quantize takes i2 to i16 or f32, found '{{i17|f16|ui16}}'
// ORDER: option 'wide-activations' of qfmt-quantize takes a format at least as wide as activations, 'i8', found 'i4'

// x is read by a product with constant weights and by a residual sum: the sum
// reads 16 bits, the product a conversion to 8 bits of the same range. y is read
// by a product with constant weights alone, through a transposition, and needs no
// 16 bits; z, the result, takes them.

// CHECK-DAG: #[[X16:.*]] = #qfmt.scaled<ui16, scale = 3.0517578125E-5>
// CHECK-DAG: #[[X8:.*]] = #qfmt.scaled<ui8, scale = 0.0078430{{.*}}>
// CHECK-DAG: #[[Z16:.*]] = #qfmt.scaled<i16, scale = 6.103515625E-5>
// CHECK-DAG: #[[Y8:.*]] = #qfmt.scaled<ui8, scale = 7.812500e-03>
// CHECK-LABEL: func @residual
// CHECK: %[[X:.*]] = qfmt.quantize %{{.*}} : tensor<2x2xf32> to tensor<2x2xf32, #[[X16]]>
// CHECK: %[[N:.*]] = qfmt.convert %[[X]] : tensor<2x2xf32, #[[X16]]> to tensor<2x2xf32, #[[X8]]>
// CHECK: linalg.matmul ins(%[[N]], %{{.*}} : tensor<2x2xf32, #[[X8]]>,
// CHECK: %[[Y:.*]] = qfmt.quantize %{{.*}} : tensor<2x2xf32> to tensor<2x2xf32, #[[Y8]]>
// CHECK: %[[T:.*]] = linalg.generic {{.*}} ins(%[[Y]] :
// CHECK: %[[U:.*]] = qfmt.quantize %[[T]] : tensor<2x2xf32> to tensor<2x2xf32, #[[Y8]]>
// CHECK: %[[M:.*]] = linalg.matmul ins(%[[U]], %{{.*}} : tensor<2x2xf32, #[[Y8]]>,
// CHECK: linalg.add ins(%[[X]], %[[M]] : tensor<2x2xf32, #[[X16]]>, tensor<2x2xf32>)
// CHECK: %[[Z:.*]] = qfmt.quantize %{{.*}} : tensor<2x2xf32> to tensor<2x2xf32, #[[Z16]]>
// CHECK: %[[R:.*]] = qfmt.dequantize %[[Z]]
// CHECK: return %[[R]]

// What anything else reads stays real: products quantize what they read, by the
// same statistics.
// REAL-DAG: #[[X8:.*]] = #qfmt.scaled<ui8, scale = 0.0078430{{.*}}>
// REAL-LABEL: func @residual
// REAL-SAME: %[[X:.*]]: tensor<2x2xf32>
// REAL: %[[N:.*]] = qfmt.quantize %[[X]] : tensor<2x2xf32> to tensor<2x2xf32, #[[X8]]>
// REAL: linalg.matmul ins(%[[N]], %{{.*}} : tensor<2x2xf32, #[[X8]]>,
// REAL: %[[M:.*]] = linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<2x2xf32, #{{.*}}>,
// REAL: %[[S:.*]] = linalg.add ins(%[[X]], %[[M]] : tensor<2x2xf32>, tensor<2x2xf32>)
// REAL-NEXT: return %[[S]]

// The caller's 16 bits are no operand of the product either; its 8 bits are.
// INPUT-DAG: #[[IN:.*]] = #qfmt.scaled<ui16, scale = 1.2207031{{.*}}E-4>
// INPUT-DAG: #[[IN8:.*]] = #qfmt.scaled<ui8, scale = 0.0313{{.*}}>
// INPUT-LABEL: func @residual
// INPUT: %[[X:.*]] = qfmt.quantize %{{.*}} : tensor<2x2xf32> to tensor<2x2xf32, #[[IN]]>
// INPUT: qfmt.convert %[[X]] : tensor<2x2xf32, #[[IN]]> to tensor<2x2xf32, #[[IN8]]>
// NARROW: #[[IN:.*]] = #qfmt.scaled<ui8, scale = 3.125000e-02>
// NARROW-LABEL: func @residual
// NARROW: %[[X:.*]] = qfmt.quantize %{{.*}} : tensor<2x2xf32> to tensor<2x2xf32, #[[IN]]>
// NARROW-NOT: qfmt.convert
// NARROW: linalg.matmul ins(%[[X]],
func.func @residual(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %o = qfmt.observe %x "argument.0" statistics = <min = 0.0, max = 1.999969482421875, count = 4, histogram = [0, 0, 2, 2]> : tensor<2x2xf32>
  %w = arith.constant dense<[[-127.0, 1.0], [64.0, 7.0]]> : tensor<2x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<2x2xf32>
  %y = linalg.matmul ins(%o, %w : tensor<2x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<2x2xf32>) -> tensor<2x2xf32>
  %p = qfmt.observe %y "matmul.0" statistics = <min = 0.0, max = 1.9921875, count = 4, histogram = [0, 0, 2, 2]> : tensor<2x2xf32>
  %e = tensor.empty() : tensor<2x2xf32>
  %t = linalg.transpose ins(%p : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) permutation = [1, 0]
  %m = linalg.matmul ins(%t, %w : tensor<2x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<2x2xf32>) -> tensor<2x2xf32>
  %s = linalg.add ins(%o, %m : tensor<2x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<2x2xf32>) -> tensor<2x2xf32>
  %r = qfmt.observe %s "add.0" statistics = <min = -1.0, max = 1.99993896484375, count = 4, histogram = [0, 1, 2, 1]> : tensor<2x2xf32>
  return %r : tensor<2x2xf32>
}
