// RUN: split-file %s %t
// RUN: not qfmt-opt %t/main.mlir -qfmt-clone-precisions 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not qfmt-opt %t/main.mlir -qfmt-clone-precisions="variants=i8" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not qfmt-opt %t/main.mlir -qfmt-clone-precisions="variants=a-b=i8" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not qfmt-opt %t/main.mlir -qfmt-clone-precisions="variants=a=i8,a=i4" 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not qfmt-opt %t/main.mlir -qfmt-clone-precisions="variants=a=eight" 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not qfmt-opt %t/main.mlir -qfmt-clone-precisions="variants=a=%t/nowhere.json" 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not qfmt-opt %t/main.mlir -qfmt-clone-precisions="variants=a=%t/broken.json" 2>&1 | FileCheck %s --check-prefix=JSON
// RUN: not qfmt-opt %t/main.mlir -qfmt-clone-precisions="variants=a=%t/empty.json" 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not qfmt-opt %t/main.mlir -qfmt-clone-precisions="variants=a=%t/other.json" 2>&1 | FileCheck %s --check-prefix=LAYER
// RUN: not qfmt-opt %t/name.mlir -qfmt-clone-precisions="variants=a=i8" 2>&1 | FileCheck %s --check-prefix=SYMBOL
// RUN: not qfmt-opt %t/private.mlir -qfmt-clone-precisions="variants=a=i8" 2>&1 | FileCheck %s --check-prefix=PRIVATE
// RUN: not qfmt-opt %t/given.mlir -qfmt-integerize 2>&1 | FileCheck %s --check-prefix=GIVEN

// NONE: option 'variants' of qfmt-clone-precisions: '' is no variant; give a name of letters, digits and '_', and formats of all layers or a file: small=i4@i8/i8, mixed=report.json
// NAME: option 'variants' of qfmt-clone-precisions: '{{i8|a-b=i8}}' is no variant
// TWICE: option 'variants' of qfmt-clone-precisions: the variant 'a' is there twice
// FORMAT: 'linalg.matmul' op gets the formats of the variant 'a': 'eight' is no format
// MISSING: option 'variants' of qfmt-clone-precisions: '{{.*}}nowhere.json' cannot be read: No such file or directory
// JSON: option 'variants' of qfmt-clone-precisions: '{{.*}}broken.json' is no JSON: [2:
// EMPTY: option 'variants' of qfmt-clone-precisions: '{{.*}}empty.json' has no formats of layers; give a report of qfmt-assign-formats or a solution of qfmt-assign
// LAYER: 'linalg.matmul' op is the layer 'matmul.0', of which '{{.*}}other.json' has no formats
// SYMBOL: 'func.func' op has the name of a variant of 'main', 'main_a'; rename one of them
// PRIVATE: 'linalg.matmul' op is a layer outside of the module's public functions; inline what these call first
// GIVEN: 'qfmt.convert' op has given scales, which have an integer rule only where integers are rounded half to even to fewer bits, with constant scales that are 2 to 2^15 times those of the input

//--- main.mlir
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[7.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

//--- name.mlir
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[7.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}
func.func private @main_a()

//--- private.mlir
func.func private @layer(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[7.0, 7.0], [2.5, 2.0]]> : tensor<2x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %0 = call @layer(%x) : (tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

//--- broken.json
{"layers":
//--- empty.json
{"layers": []}
//--- other.json
{"choice": {"conv": "i8"}}

//--- given.mlir
!master = tensor<3x2xf32, #qfmt.scaled<i8, block = [*, 1], scale = f32>>
!narrow = tensor<3x2xf32, #qfmt.scaled<i4, block = [*, 1], scale = f32>>
#data = #qfmt.scaled<i8, scale = 0.5>
func.func @main(%x: tensor<1x3xf32, #data>) -> tensor<1x2xf32, #data> {
  %codes = arith.constant dense<[[127, 100], [-24, 127], [24, -127]]> : tensor<3x2xi8>
  %scales = arith.constant dense<1.0> : tensor<1x2xf32>
  %twelve = arith.constant dense<12.0> : tensor<1x2xf32>
  %init = arith.constant dense<0.0> : tensor<1x2xf32>
  %master = qfmt.assemble %codes, %scales : tensor<3x2xi8>, tensor<1x2xf32> to !master
  %w = qfmt.convert %master given(%twelve : tensor<1x2xf32>) : !master to !narrow
  %0 = linalg.matmul ins(%x, %w : tensor<1x3xf32, #data>, !narrow) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = qfmt.quantize %0 : tensor<1x2xf32> to tensor<1x2xf32, #data>
  return %1 : tensor<1x2xf32, #data>
}
