// lmul, lookup and sharpness are arithmetic of every level; verify-level-invalid.mlir has encoded operands.
// RUN: qfmt-opt %s --qfmt-verify-level=level=real
// RUN: qfmt-opt %s --qfmt-verify-level=level=observed
// RUN: qfmt-opt %s --qfmt-verify-level=level=constituents
// RUN: qfmt-opt %s --qfmt-verify-level=level=encoded
// RUN: not qfmt-opt %s --qfmt-verify-level=level=integer 2>&1 | FileCheck %s --check-prefix=INTEGER

// INTEGER: 'qfmt.lmul' op has the float type 'f32' at level integer
// INTEGER-NOT: 'qfmt.lookup'
// INTEGER: 'qfmt.sharpness' op has the float type
func.func @plain(%a: f32, %i: i2, %z: tensor<2x3xf32>, %t: tensor<2xi64>) -> (i8, tensor<2xf32>) {
  %0 = qfmt.lmul %a, %a : f32
  %1 = qfmt.lookup %i in dense<[1, 2, 3, 4]> : tensor<4xi8> : i2 to i8
  %2 = qfmt.sharpness %z, %t epsilon = 0.5 : tensor<2x3xf32>, tensor<2xi64> to tensor<2xf32>
  return %1, %2 : i8, tensor<2xf32>
}
