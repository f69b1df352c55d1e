// RUN: not qfmt-opt %s --qfmt-simulate-precision="exponent=8 mantissa=8" 2>&1 | FileCheck %s
// RUN: not qfmt-opt %s --qfmt-simulate-precision="exponent=1 mantissa=3" 2>&1 | FileCheck %s --check-prefix=EXPONENT
// RUN: not qfmt-opt %s --qfmt-simulate-precision="exponent=9 mantissa=3" 2>&1 | FileCheck %s --check-prefix=WIDE
// RUN: not qfmt-opt %s --qfmt-simulate-precision="exponent=4 mantissa=0" 2>&1 | FileCheck %s --check-prefix=MANTISSA

// CHECK: error: qfmt-simulate-precision needs exponent = 2 to 8, mantissa of at least 1, and both together at most 15, found exponent = 8, mantissa = 8
// EXPONENT: found exponent = 1, mantissa = 3
// WIDE: found exponent = 9, mantissa = 3
// MANTISSA: found exponent = 4, mantissa = 0
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
