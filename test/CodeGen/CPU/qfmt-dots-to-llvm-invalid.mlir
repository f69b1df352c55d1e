// RUN: qfmt-opt %s --qfmt-dots-to-llvm --split-input-file --verify-diagnostics

func.func @terms(%acc: vector<16xi32>, %a: vector<32xi8>) -> vector<16xi32> {
  // expected-error @+1 {{needs 4 factors of 'i8' for each of 16 sums, found 32}}
  %r = qfmt_cpu.dot %acc, %a, %a : vector<16xi32>, vector<32xi8>
  return %r : vector<16xi32>
}

// -----

func.func @size(%acc: vector<2xi32>, %a: vector<8xi8>) -> vector<2xi32> {
  // expected-error @+1 {{no instruction has this size and these signs; use one of those that qfmt-products-to-vectors emits}}
  %r = qfmt_cpu.dot %acc, %a, %a : vector<2xi32>, vector<8xi8>
  return %r : vector<2xi32>
}

// -----

func.func @narrow(%acc: vector<8xi32>, %a: vector<32xi8>) -> vector<8xi32> {
  // expected-error @+1 {{has narrow pairs only of unsigned bytes, for 8 or 16 sums}}
  %r = qfmt_cpu.dot %acc, signed %a, %a narrow : vector<8xi32>, vector<32xi8>
  return %r : vector<8xi32>
}
