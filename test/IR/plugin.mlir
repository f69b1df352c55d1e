// A stock mlir-opt with our plugin knows the dialect and runs our passes.
//
// REQUIRES: mlir-opt
// UNSUPPORTED: sanitized
// RUN: mlir-opt %s --load-dialect-plugin=%qfmt_plugin --load-pass-plugin=%qfmt_plugin \
// RUN:   --pass-pipeline='builtin.module(canonicalize,qfmt-verify-level{level=encoded},qfmt-decompose)' | FileCheck %s
// RUN: not mlir-opt %s --load-dialect-plugin=%qfmt_plugin --load-pass-plugin=%qfmt_plugin \
// RUN:   --pass-pipeline='builtin.module(qfmt-verify-level{level=real})' 2>&1 | FileCheck %s --check-prefix=REAL
// RUN: mlir-opt %s --load-dialect-plugin=%qfmt_plugin --emit-bytecode | \
// RUN:   mlir-opt --load-dialect-plugin=%qfmt_plugin | FileCheck %s --check-prefix=BYTECODE
// RUN: mlir-opt %S/roundtrip.mlir --load-dialect-plugin=%qfmt_plugin --verify-roundtrip -o /dev/null

// REAL: error: 'qfmt.dequantize' op does not belong to level real
// BYTECODE: #[[Q:.*]] = #qfmt.scaled<i8, scale = 5.000000e-01>
// BYTECODE: qfmt.dequantize %{{.*}} : tensor<4xf32, #[[Q]]> to tensor<4xf32>

// CHECK-LABEL: func.func @negate(
// CHECK-SAME: %{{.*}}: tensor<4xi8>) -> tensor<4xi8>
// CHECK-NOT: qfmt.
// CHECK: linalg.
func.func @negate(%q: tensor<4xf32, #qfmt.scaled<i8, scale = 0.5>>) -> tensor<4xf32, #qfmt.scaled<i8, scale = 0.5>> {
  %x = qfmt.dequantize %q : tensor<4xf32, #qfmt.scaled<i8, scale = 0.5>> to tensor<4xf32>
  %y = linalg.negf ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) -> tensor<4xf32>
  %r = qfmt.quantize %y : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8, scale = 0.5>>
  return %r : tensor<4xf32, #qfmt.scaled<i8, scale = 0.5>>
}
