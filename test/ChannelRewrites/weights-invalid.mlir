// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: not qfmt-opt %s --pass-pipeline="builtin.module(qfmt-rotate-channels{block=6})" 2>&1 | FileCheck %s --check-prefix=NO-MATRIX
// RUN: not qfmt-opt %s --pass-pipeline="builtin.module(qfmt-rotate-channels{block=1})" 2>&1 | FileCheck %s --check-prefix=ONE
// RUN: not qfmt-opt %s --pass-pipeline="builtin.module(qfmt-rotate-channels{block=8})" 2>&1 | FileCheck %s --check-prefix=NO-FIT
// RUN: not qfmt-opt %s --pass-pipeline="builtin.module(qfmt-rotate-channels{format=i8})" 2>&1 | FileCheck %s --check-prefix=NO-DATA
// RUN: not qfmt-opt %s --pass-pipeline="builtin.module(qfmt-sort-channels{format=i8})" 2>&1 | FileCheck %s --check-prefix=SORT-DATA
// RUN: not qfmt-opt %s --pass-pipeline="builtin.module(qfmt-sort-keys{by=data})" 2>&1 | FileCheck %s --check-prefix=BY-DATA
// RUN: not qfmt-opt %s --pass-pipeline="builtin.module(qfmt-sort-channels{block=0})" 2>&1 | FileCheck %s --check-prefix=NO-BLOCK
// RUN: not qfmt-opt %s --pass-pipeline="builtin.module(qfmt-sort-keys{block=0})" 2>&1 | FileCheck %s --check-prefix=NO-BLOCK
// RUN: not qfmt-opt %s --pass-pipeline="builtin.module(qfmt-sort-channels{bits=1})" 2>&1 | FileCheck %s --check-prefix=NO-BITS
// RUN: not qfmt-opt %s --pass-pipeline="builtin.module(qfmt-sort-channels{moments=%t.missing.npz})" 2>&1 | FileCheck %s --check-prefix=NO-FILE
// RUN: echo "func.func @main() { return }" | not qfmt-opt - --pass-pipeline="builtin.module(qfmt-rotate-channels)" 2>&1 | FileCheck %s --check-prefix=NO-LAYERS
// RUN: echo "func.func @main() { return }" | not qfmt-opt - --pass-pipeline="builtin.module(qfmt-equalize-weights)" 2>&1 | FileCheck %s --check-prefix=NO-LAYERS
// RUN: echo "func.func @main() { return }" | not qfmt-opt - --pass-pipeline="builtin.module(qfmt-sort-keys)" 2>&1 | FileCheck %s --check-prefix=NO-LAYERS
// RUN: echo "func.func @main() { return }" | not qfmt-opt - --pass-pipeline="builtin.module(qfmt-sort-channels)" 2>&1 | FileCheck %s --check-prefix=NO-LAYERS

// NO-MATRIX: error: qfmt-rotate-channels: option 'block' is 6, and no Hadamard matrix of that size is known here: give a power of two, or one times 12 or 20
// ONE: error: qfmt-rotate-channels: option 'block' is 1, which rotates nothing: give a power of two, or one times 12 or 20
// NO-FIT: error: 'linalg.matmul' op sums over 12 channels, which blocks of 8 do not divide; give another 'block', or 0 for the largest that is possible
// NO-DATA: error: qfmt-rotate-channels: options 'format' and 'group' say how to measure data, and option 'moments' is missing
// SORT-DATA: error: qfmt-sort-channels: option 'format' measures data, of which 'moments' is missing
// BY-DATA: error: qfmt-sort-keys: option 'by' is data, of which 'moments' is missing: give the .npz file that qfmt-annotate{moments=FILE} writes
// NO-BLOCK: option 'block' is 0: give the number of channels that share a scale
// NO-BITS: error: qfmt-sort-channels: option 'bits' is 1: give 2 to 32
// NO-FILE: error: qfmt-sort-channels: {{.*}}missing.npz
// NO-LAYERS: finds no layers, contractions with constant weights, whose channels could be changed
func.func @main(%x: tensor<3x12xf32>) -> tensor<3x1xf32> {
  %zero = arith.constant 0.0 : f32
  %b = arith.constant dense<2.0> : tensor<12x1xf32>
  %3 = tensor.empty() : tensor<3x1xf32>
  %4 = linalg.fill ins(%zero : f32) outs(%3 : tensor<3x1xf32>) -> tensor<3x1xf32>
  %5 = linalg.matmul ins(%x, %b : tensor<3x12xf32>, tensor<12x1xf32>) outs(%4 : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %5 : tensor<3x1xf32>
}
