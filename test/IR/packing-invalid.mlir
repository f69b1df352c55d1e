// RUN: qfmt-opt %s -split-input-file -verify-diagnostics

func.func @c60_wide_codes(%c: tensor<4xi9>) {
  // expected-error @+1 {{'qfmt.pack' op codes are signless integers of 1 to 8 bits, found 'tensor<4xi9>'}}
  %b = qfmt.pack %c : tensor<4xi9> to tensor<5xi8>
  return
}

// -----

func.func @c60_floats(%b: tensor<2xi8>) {
  // expected-error @+1 {{'qfmt.unpack' op codes are signless integers of 1 to 8 bits, found 'tensor<4xf4E2M1FN>'}}
  %c = qfmt.unpack %b : tensor<2xi8> to tensor<4xf4E2M1FN>
  return
}

// -----

func.func @c60_base3_of_three_bits(%c: tensor<5xi3>) {
  // expected-error @+1 {{'qfmt.pack' op packing = base3 needs codes of 2 bits, found 'tensor<5xi3>'}}
  %b = qfmt.pack %c packing = base3 : tensor<5xi3> to tensor<1xi8>
  return
}

// -----

func.func @c60_dynamic(%c: tensor<?xi4>) {
  // expected-error @+1 {{'qfmt.pack' op needs static shapes, found 'tensor<?xi4>' and 'tensor<?xi8>'}}
  %b = qfmt.pack %c : tensor<?xi4> to tensor<?xi8>
  return
}

// -----

func.func @c60_too_few_bytes(%b: tensor<9xi8>) {
  // expected-error @+1 {{'qfmt.unpack' op 'tensor<4x5xi4>' packs into tensor<10xi8>, found 'tensor<9xi8>'}}
  %c = qfmt.unpack %b : tensor<9xi8> to tensor<4x5xi4>
  return
}

// -----

func.func @c60_shaped_bytes(%b: tensor<2x5xi8>) {
  // expected-error @+1 {{'qfmt.unpack' op 'tensor<4x5xi4>' packs into tensor<10xi8>, found 'tensor<2x5xi8>'}}
  %c = qfmt.unpack %b : tensor<2x5xi8> to tensor<4x5xi4>
  return
}

// -----

// expected-error @+1 {{'qfmt.packed' must be the static tensor type of the packed codes, found "i4"}}
func.func private @c64_no_type(tensor<4xi8> {qfmt.packed = "i4"})

// -----

// expected-error @+1 {{'qfmt.packed' must be the static tensor type of the packed codes, found tensor<?xi4>}}
func.func private @c64_dynamic(tensor<4xi8> {qfmt.packed = tensor<?xi4>})

// -----

// expected-error @+1 {{'tensor<4x5xi4>' in 'qfmt.packed' packs into tensor<10xi8>, found 'tensor<9xi8>'}}
func.func private @c64_too_few_bytes(tensor<9xi8> {qfmt.packed = tensor<4x5xi4>})

// -----

// expected-error @+1 {{'tensor<4x5x!qfmt.ternary>' in 'qfmt.packed' packs into tensor<4xi8>, found 'tensor<2x2xi8>'}}
func.func private @c64_shaped_bytes() -> (tensor<2x2xi8> {qfmt.packed = tensor<4x5x!qfmt.ternary>})

// -----

// expected-error @+1 {{'qfmt.packed' needs a number format of at most 8 bits, found 'tensor<4xf32>'}}
func.func private @c64_wide_codes(tensor<16xi8> {qfmt.packed = tensor<4xf32>})

// -----

// expected-error @+1 {{'qfmt.format' must be a number format, found "ui8"}}
func.func private @c66_no_type(tensor<4xi8> {qfmt.format = "ui8"})

// -----

// expected-error @+1 {{expected a number format such as i8, ui4, f8E4M3FN or !qfmt.float<E, M>, found 'index'}}
func.func private @c66_no_format(tensor<4xi8> {qfmt.format = index})

// -----

// expected-error @+1 {{codes of 'qfmt.format' 'ui4' are stored as 'i4', found 'tensor<4xi8>'}}
func.func private @c66_other_storage() -> (tensor<4xi8> {qfmt.format = ui4})

// -----

// expected-error @+1 {{codes of 'qfmt.format' 'f32' are stored as 'f32', found 'tensor<4xf32, #qfmt.scaled<i8>>'}}
func.func private @c66_encoded(tensor<4xf32, #qfmt.scaled<i8>> {qfmt.format = f32})

// -----

func.func @c60_no_bits(%c: tensor<4xi0>) {
  // expected-error @+1 {{'qfmt.pack' op codes are signless integers of 1 to 8 bits, found 'tensor<4xi0>'}}
  %b = qfmt.pack %c : tensor<4xi0> to tensor<0xi8>
  return
}

// -----

// 2^62 * 8 elements: what wraps to 0 of 64 bits.
func.func @c60_more_elements_than_can_be_counted(%c: tensor<4611686018427387904x8xi4>) {
  // expected-error @+1 {{'qfmt.pack' op 'tensor<4611686018427387904x8xi4>' has more elements than 64 bits can count; packed storage needs a tensor of at most 2^63 - 1}}
  %0 = qfmt.pack %c : tensor<4611686018427387904x8xi4> to tensor<0xi8>
  return
}

// -----

// Zeros count whatever is beside them.
func.func @c60_empty(%c: tensor<4611686018427387904x0x8xi4>) {
  // expected-error @+1 {{packs into tensor<0xi8>, found 'tensor<1xi8>'}}
  %0 = qfmt.pack %c : tensor<4611686018427387904x0x8xi4> to tensor<1xi8>
  return
}

// -----

// The most elements there can be.
func.func @c60_countable(%c: tensor<9223372036854775807xi8>) {
  // expected-error @+1 {{packs into tensor<9223372036854775807xi8>, found 'tensor<1xi8>'}}
  %0 = qfmt.pack %c : tensor<9223372036854775807xi8> to tensor<1xi8>
  return
}

// -----

// expected-error @+1 {{'tensor<4294967296x4294967296xi4>' has more elements than 64 bits can count}}
func.func private @c64_more_elements_than_can_be_counted(tensor<0xi8> {qfmt.packed = tensor<4294967296x4294967296xi4>})
