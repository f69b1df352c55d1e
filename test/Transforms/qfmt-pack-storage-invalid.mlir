// RUN: qfmt-opt %s -qfmt-pack-storage=boundaries -split-input-file -verify-diagnostics

// expected-error @+1 {{argument #1 has codes of type 'tensor<?xi4>'; packed storage needs static sizes}}
func.func @c63_dynamic_argument(%x: tensor<4xf32>, %c: tensor<?xf32, #qfmt.scaled<i4>>) {
  return
}

// -----

// expected-error @+1 {{result #0 has codes of type 'tensor<?xi5>'; packed storage needs static sizes}}
func.func @c63_dynamic_result(%c: tensor<?xi16>) -> tensor<?xi5> {
  %r = arith.trunci %c : tensor<?xi16> to tensor<?xi5>
  return %r : tensor<?xi5>
}

// -----

func.func @c63_address_taken(%c: tensor<2xi4>) {
  // expected-error @+1 {{'func.constant' op refers to 'c63_address_taken', whose signature packed storage changes; only func.call can follow}}
  %f = func.constant @c63_address_taken : (tensor<2xi4>) -> ()
  return
}

// -----

func.func private @no_data() -> tensor<3xi4> {
  // expected-error @+1 {{'arith.constant' op of type 'tensor<3xi4>' has no data, or not one byte a code}}
  %c = arith.constant dense_resource<missing> : tensor<3xi4>
  return %c : tensor<3xi4>
}

// -----

// expected-error @+1 {{argument #0: 'tensor<4294967296x4294967296xi4>' has more elements than 64 bits can count}}
func.func @c63_more_elements_than_can_be_counted(%c: tensor<4294967296x4294967296xi4>) {
  return
}
