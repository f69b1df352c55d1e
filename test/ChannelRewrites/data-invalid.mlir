// What the passes that choose by data refuse before they look at channels.
// RUN: %npy make %t.npy "<f4" 2x1x2 1 -2 3 0.5
// RUN: qfmt-opt %s -qfmt-insert-observers -qfmt-annotate="data=%t.npy moments=%t.npz" -o /dev/null
// RUN: not qfmt-opt %s -qfmt-smooth-quant 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not qfmt-opt %s -qfmt-scale-by-activations 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not qfmt-opt %s -qfmt-smooth-quant="moments=%t.not.there" 2>&1 | FileCheck %s --check-prefix=FILE
// RUN: not qfmt-opt %s -qfmt-scale-by-activations="moments=%t.not.there" 2>&1 | FileCheck %s --check-prefix=FILE
// RUN: not qfmt-opt %s -qfmt-smooth-quant="moments=%t.npz alpha=1.5" 2>&1 | FileCheck %s --check-prefix=ALPHA
// RUN: not qfmt-opt %s -qfmt-smooth-quant="moments=%t.npz alpha=nan" 2>&1 | FileCheck %s --check-prefix=ALPHA
// RUN: not qfmt-opt %s -qfmt-suppress-outliers="moments=%t.npz least-threshold=0" 2>&1 | FileCheck %s --check-prefix=LEAST
// RUN: not qfmt-opt %s -qfmt-suppress-outliers="moments=%t.npz weights=i99" 2>&1 | FileCheck %s --check-prefix=WEIGHTS
// RUN: not qfmt-opt %s -qfmt-smooth-quant="moments=%t.npz activations=ui1" 2>&1 | FileCheck %s --check-prefix=ACTIVATIONS
// RUN: not qfmt-opt %s -qfmt-shift-exponents="moments=%t.npz format=i8" 2>&1 | FileCheck %s --check-prefix=FLOAT
// RUN: not qfmt-opt %s -qfmt-shift-exponents="moments=%t.npz format=bf16" 2>&1 | FileCheck %s --check-prefix=FLOAT
// RUN: not qfmt-opt %s -qfmt-shift-exponents="moments=%t.npz format=mxfp4" 2>&1 | FileCheck %s --check-prefix=FLOAT
// RUN: echo "func.func @main(%%x: tensor<2xf32>) -> tensor<2xf32> { return %%x : tensor<2xf32> }" > %t.empty.mlir
// RUN: not qfmt-opt %t.empty.mlir -qfmt-smooth-quant="moments=%t.npz" 2>&1 | FileCheck %s --check-prefix=LAYERS
// RUN: qfmt-opt %s -qfmt-insert-observers -qfmt-annotate="data=%t.npy moments=%t.few.npz rows=0" -o /dev/null
// RUN: not qfmt-opt %s -qfmt-suppress-outliers="moments=%t.few.npz" 2>&1 | FileCheck %s --check-prefix=ROWS

// NONE: error: {{qfmt-[a-z-]+}}: option 'moments' is missing: give the .npz file that qfmt-annotate{moments=FILE} writes
// FILE: error: {{qfmt-[a-z-]+}}: {{.*}}not.there
// ALPHA: error: qfmt-smooth-quant: option 'alpha' is {{.*}}: give a number from 0 to 1
// LEAST: error: qfmt-suppress-outliers: option 'least-threshold' is {{.*}}: give a number greater than 0
// WEIGHTS: error: qfmt-suppress-outliers: option 'weights': {{.*}}i99
// ACTIVATIONS: error: qfmt-smooth-quant: option 'activations': {{.*}}ui1
// FLOAT: error: qfmt-shift-exponents: option 'format': '{{.*}}' is no float of 1 to 5 exponent bits; give one as f4E2M1FN or f8E4M3FN
// LAYERS: error: qfmt-smooth-quant: finds no layers, contractions with constant weights, whose data could be changed
// ROWS: error: 'linalg.matmul' op is the layer 'matmul.0', of whose data no rows were recorded; qfmt-annotate does so unless its option 'rows' is 0

func.func @main(%x: tensor<1x2xf32>) -> tensor<1x3xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x3xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x2xf32>, tensor<2x3xf32>) outs(%zeros : tensor<1x3xf32>) -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}
