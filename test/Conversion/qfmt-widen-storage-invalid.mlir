// RUN: qfmt-opt %s --allow-unregistered-dialect --qfmt-widen-storage --split-input-file --verify-diagnostics

func.func @packed_resource() -> tensor<4xi4> {
  // expected-error@+2 {{resource 'packed' of type 'tensor<4xi4>' has 2 bytes, expected 4 with one code in 8 bits}}
  // expected-error@+1 {{failed to legalize operation 'arith.constant'}}
  %0 = arith.constant dense_resource<packed> : tensor<4xi4>
  return %0 : tensor<4xi4>
}

{-#
  dialect_resources: { builtin: { packed: "0x010000002143" } }
#-}

// -----

// Element-wise arithmetic on tensors is linalg by now.
func.func @elementwise(%x: tensor<4xi4>) -> tensor<4xi4> {
  // expected-error@+1 {{failed to legalize operation 'arith.addi'}}
  %0 = arith.addi %x, %x : tensor<4xi4>
  return %0 : tensor<4xi4>
}

// -----

func.func @of_no_dialect() -> tensor<4xi4> {
  // expected-error@+1 {{failed to legalize operation 'unknown.source'}}
  %0 = "unknown.source"() : () -> tensor<4xi4>
  return %0 : tensor<4xi4>
}
