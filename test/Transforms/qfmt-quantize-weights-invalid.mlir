// RUN: not qfmt-opt %s --qfmt-quantize-weights=format=mxfp5 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not qfmt-opt %s --qfmt-quantize-weights=format='#qfmt.scaled<i99>' 2>&1 | FileCheck %s --check-prefix=ENCODING
// RUN: not qfmt-opt %s --qfmt-quantize-weights=format='#qfmt.scaled<i4,block=[1,1,32],scale=f16>' 2>&1 | FileCheck %s --check-prefix=RANK
// RUN: not qfmt-opt %s --qfmt-quantize-weights=format=aqlm 2>&1 | FileCheck %s --check-prefix=TABLES

// NAME: error: option 'format' of qfmt-quantize-weights takes a name that qfmt-opt --list-formats lists or an encoding such as #qfmt.scaled<i8>, found 'mxfp5'
// ENCODING: integer formats have 1 to 16 bits, found 'i99'
// RANK: 'linalg.matmul' op has weights that qfmt-quantize-weights cannot encode: block has 3 entries, but the tensor has rank 2
// TABLES: 'qfmt.quantize' op
func.func @matmul(%x: tensor<4x64xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %w = arith.constant dense<2.0> : tensor<64x8xf32>
  %r = linalg.matmul ins(%x, %w : tensor<4x64xf32>, tensor<64x8xf32>) outs(%y : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %r : tensor<4x8xf32>
}
