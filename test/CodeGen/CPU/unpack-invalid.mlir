// RUN: qfmt-opt %s --split-input-file --verify-diagnostics

func.func @bits(%p: tensor<1x1x1x64xi8>) -> tensor<2x8xi8> {
  // expected-error @+1 {{reads codes of 2, 4 or 8 bits, found 3}}
  %w = qfmt_cpu.unpack_integers %p bits = 3 offset = 0 : tensor<1x1x1x64xi8> to tensor<2x8xi8>
  return %w : tensor<2x8xi8>
}

// -----

func.func @shape(%p: tensor<1x1x1x64xi8>) -> tensor<2x9xi8> {
  // expected-error @+1 {{of 'tensor<2x9xi8>' in 4 bits needs a packed tensor of 'tensor<1x1x2x64xi8>', found 'tensor<1x1x1x64xi8>'}}
  %w = qfmt_cpu.unpack_integers %p bits = 4 offset = 0 : tensor<1x1x1x64xi8> to tensor<2x9xi8>
  return %w : tensor<2x9xi8>
}

// -----

func.func @dynamic(%p: tensor<1x?x1x64xi8>) -> tensor<2x?x8xi8> {
  // expected-error @+1 {{needs static shapes}}
  %w = qfmt_cpu.unpack_integers %p bits = 4 offset = 0 : tensor<1x?x1x64xi8> to tensor<2x?x8xi8>
  return %w : tensor<2x?x8xi8>
}

// -----

func.func @entries(%p: tensor<1x1x1x64xi8>) -> tensor<2x16xi8> {
  // expected-error @+1 {{needs a table of 4 entries, found 2}}
  %w = qfmt_cpu.unpack_integers %p bits = 2 offset = 0 table = [0, 1] : tensor<1x1x1x64xi8> to tensor<2x16xi8>
  return %w : tensor<2x16xi8>
}

// -----

func.func @entry(%p: tensor<1x1x1x64xi8>) -> tensor<2x16xi8> {
  // expected-error @+1 {{has an entry of the table that is no unsigned byte}}
  %w = qfmt_cpu.unpack_integers %p bits = 2 offset = 0 table = [0, 1, -1, 2] : tensor<1x1x1x64xi8> to tensor<2x16xi8>
  return %w : tensor<2x16xi8>
}

// -----

func.func @range(%p: tensor<1x1x1x64xi8>) -> tensor<2x8xi8> {
  // expected-error @+1 {{has integers of 120 to 135, which are no signed bytes}}
  %w = qfmt_cpu.unpack_integers %p bits = 4 offset = 120 : tensor<1x1x1x64xi8> to tensor<2x8xi8>
  return %w : tensor<2x8xi8>
}

// -----

func.func @scales(%p: tensor<1x1x16xi8>) -> tensor<2x8xf32> {
  // expected-error @+1 {{of 'tensor<2x8xf32>' needs a packed tensor of 'tensor<1x2x16xi8>', found 'tensor<1x1x16xi8>'}}
  %s = qfmt_cpu.unpack_scales %p shift = 23 exponent = 0 : tensor<1x1x16xi8> to tensor<2x8xf32>
  return %s : tensor<2x8xf32>
}

// -----

func.func @shift(%p: tensor<1x1x16xi16>) -> tensor<1x8xf32> {
  // expected-error @+1 {{cannot shift 16 bits by 23}}
  %s = qfmt_cpu.unpack_scales %p shift = 23 exponent = 0 : tensor<1x1x16xi16> to tensor<1x8xf32>
  return %s : tensor<1x8xf32>
}
