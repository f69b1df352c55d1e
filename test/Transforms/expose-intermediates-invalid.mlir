// RUN: qfmt-opt %s -split-input-file -qfmt-expose-intermediates -verify-diagnostics

// expected-error @+1 {{function ends with 'ub.unreachable'; only functions that return can expose their intermediate tensors}}
func.func @never_returns(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = qfmt.observe %x "x" : tensor<4xf32>
  ub.unreachable
}

// -----

// expected-error @+1 {{function has control flow; only functions of one block can expose their intermediate tensors}}
func.func @branches(%x: tensor<4xf32>) -> tensor<4xf32> {
  cf.br ^bb1
^bb1:
  return %x : tensor<4xf32>
}
