// Weights of a layer whose three inputs are nearly the same: what one weight
// loses by rounding, another makes up for.
// RUN: %npy make %t.npy "<f4" 4x1x3 1.0 1.01 0.99 -2.0 -1.98 -2.01 0.5 0.51 0.49 3.0 2.99 3.02
// RUN: qfmt-opt %s -qfmt-annotate="data=%t.npy moments=%t.npz" -o %t.mlir
// RUN: qfmt-opt %t.mlir -qfmt-quantize="weights=i3 encode-weights=false" | FileCheck %s --check-prefix=DEFERRED
// RUN: qfmt-opt %t.mlir -qfmt-quantize="weights=i3" | FileCheck %s --check-prefix=NEAREST
// RUN: qfmt-opt %t.mlir -qfmt-quantize="weights=i3 encode-weights=false" -qfmt-round-weights="moments=%t.npz" 2> %t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.err
// RUN: qfmt-opt %t.mlir -qfmt-quantize="weights=i3 encode-weights=false" -qfmt-round-weights="moments=%t.npz method=learned" -mlir-print-op-on-diagnostic=false 2>&1 | FileCheck %s --check-prefix=LEARNED
// RUN: not qfmt-opt %t.mlir -qfmt-quantize="encode-weights=false" -qfmt-round-weights 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not qfmt-opt %t.mlir -qfmt-quantize="encode-weights=false" -qfmt-round-weights="moments=%t.npz damping=-1" 2>&1 | FileCheck %s --check-prefix=DAMPING
// RUN: not qfmt-opt %t.mlir -qfmt-round-weights="moments=%t.npz method=adaround" 2>&1 | FileCheck %s --check-prefix=METHOD
// MISSING: error: qfmt-round-weights: option 'moments' is missing: give the .npz file that qfmt-annotate{moments=FILE} writes
// DAMPING: error: qfmt-round-weights: option 'damping' is -1{{.*}}: give a number that is at least 0
// METHOD: {{.*}}adaround

// DEFERRED: %[[Q:.*]] = qfmt.quantize %{{.*}} : tensor<3x1xf32> to tensor<3x1xf32, #q_i3
// DEFERRED: linalg.matmul {qfmt.layer = "matmul.0"} ins(%{{.*}}, %[[Q]]

// The scale is 1. Both 1.45 become 1: results lose about 0.9 x.
// NEAREST: arith.constant dense<{{\[\[}}3], [1], [1{{\]\]}}> : tensor<3x1xi3>
// The first becomes 1, the other 1.45 + 0.45, hence 2: they gain about 0.1 x.
// CHECK: arith.constant dense<{{\[\[}}3], [{{1\], \[2|2\], \[1}}{{\]\]}}> : tensor<3x1xi3>
// CHECK: qfmt.assemble
// CHECK-NOT: qfmt.layer
// REMARK: remark: weights are rounded with a loss of {{[0-9.e+-]+}} by gptq, of {{[0-9.e+-]+}} to nearest
// LEARNED: remark: weights are rounded with a loss of {{.*}} by gptq and of {{.*}} learned, of

func.func @main(%x: tensor<1x3xf32>) -> tensor<1x1xf32> {
  %o = qfmt.observe %x "argument.0" : tensor<1x3xf32>
  %w = arith.constant dense<[[3.0], [1.45], [1.45]]> : tensor<3x1xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x1xf32>
  %y = linalg.matmul ins(%o, %w : tensor<1x3xf32>, tensor<3x1xf32>) outs(%zeros : tensor<1x1xf32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}
