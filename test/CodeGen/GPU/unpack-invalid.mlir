// RUN: qfmt-opt %s -split-input-file -verify-diagnostics

func.func @bits(%b: tensor<8xi8>) -> tensor<8xi8> {
  // expected-error @+1 {{needs codes of 1 to 7 bits, or of 2 in base 3, found 8}}
  %c = qfmt_gpu.unpack %b bits 8 : tensor<8xi8> -> tensor<8xi8>
  return %c : tensor<8xi8>
}

// -----

func.func @base3(%b: tensor<2xi8>) -> tensor<7xi8> {
  // expected-error @+1 {{needs codes of 1 to 7 bits, or of 2 in base 3, found 4}}
  %c = qfmt_gpu.unpack %b bits 4 base3 : tensor<2xi8> -> tensor<7xi8>
  return %c : tensor<7xi8>
}

// -----

func.func @unknown(%b: tensor<?xi8>) -> tensor<7xi8> {
  // expected-error @+1 {{needs known sizes, found 'tensor<?xi8>' and 'tensor<7xi8>'}}
  %c = qfmt_gpu.unpack %b bits 4 : tensor<?xi8> -> tensor<7xi8>
  return %c : tensor<7xi8>
}

// -----

func.func @size(%b: tensor<3xi8>) -> tensor<7xi8> {
  // expected-error @+1 {{needs the 4 bytes of 7 codes, found 'tensor<3xi8>'}}
  %c = qfmt_gpu.unpack %b bits 4 : tensor<3xi8> -> tensor<7xi8>
  return %c : tensor<7xi8>
}
