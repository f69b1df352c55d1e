// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-insert-observers

func.func @again(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @below {{is there already; observers are inserted once}}
  %y = qfmt.observe %x "argument.0" : tensor<2xf32>
  return %y : tensor<2xf32>
}
