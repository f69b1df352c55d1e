// RUN: qfmt-opt %s --split-input-file --qfmt-set-gpu-target=runtime=vulkan --qfmt-linalg-to-kernels --verify-diagnostics
// RUN: qfmt-opt %s --split-input-file --qfmt-set-gpu-target=runtime=rocm --qfmt-linalg-to-kernels -o /dev/null

// Drivers for Vulkan end long loops without an error.
#id = affine_map<(i) -> (i)>
func.func @while(%x: memref<4xi32>) {
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"]} outs(%x : memref<4xi32>) {
  ^bb0(%v: i32):
    %end = arith.constant 1000 : i32
    // expected-error @+1 {{'scf.while' op in a kernel may go round any number of times, and drivers end the loops of a thread that go round too often, without an error; write loops with constant bounds, at most 32768 turns, or a loop on tensors, or choose another target}}
    %r = scf.while (%a = %v) : (i32) -> i32 {
      %c = arith.cmpi slt, %a, %end : i32
      scf.condition(%c) %a : i32
    } do {
    ^bb0(%a: i32):
      %b = arith.addi %a, %a : i32
      scf.yield %b : i32
    }
    linalg.yield %r : i32
  }
  return
}

// -----

#id = affine_map<(i) -> (i)>
func.func @unknown(%x: memref<4xindex>) {
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"]} outs(%x : memref<4xindex>) {
  ^bb0(%v: index):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    // expected-error @+1 {{'scf.for' op in a kernel may go round any number of times}}
    %r = scf.for %i = %c0 to %v step %c1 iter_args(%a = %v) -> index {
      %b = arith.addi %a, %a : index
      scf.yield %b : index
    }
    linalg.yield %r : index
  }
  return
}

// -----

func.func private @recursive(i32) -> i32
#id = affine_map<(i) -> (i)>
func.func @call(%x: memref<4xi32>) {
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"]} outs(%x : memref<4xi32>) {
  ^bb0(%v: i32):
    // expected-error @+1 {{'func.call' op in a kernel may go round any number of times}}
    %r = func.call @recursive(%v) : (i32) -> i32
    linalg.yield %r : i32
  }
  return
}

// -----

// One turn too many: 32767 and the one in which the loop ends are allowed.
#id = affine_map<(i) -> (i)>
func.func @long(%x: memref<4xi32>) {
  // expected-error @+1 {{'linalg.generic' op has loops of 32769 turns in its body, and a thread of the target may have 32768 for all its elements; write a loop on tensors, or choose another target}}
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"]} outs(%x : memref<4xi32>) {
  ^bb0(%v: i32):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %end = arith.constant 32768 : index
    %r = scf.for %i = %c0 to %end step %c1 iter_args(%a = %v) -> i32 {
      %b = arith.addi %a, %v : i32
      scf.yield %b : i32
    }
    linalg.yield %r : i32
  }
  return
}

// -----

#id = affine_map<(i) -> (i)>
func.func @longest(%x: memref<4xi32>) {
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"]} outs(%x : memref<4xi32>) {
  ^bb0(%v: i32):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %end = arith.constant 32767 : index
    %r = scf.for %i = %c0 to %end step %c1 iter_args(%a = %v) -> i32 {
      %b = arith.addi %a, %v : i32
      scf.yield %b : i32
    }
    linalg.yield %r : i32
  }
  return
}

// -----

// A thread has 12 elements, which share its turns.
#id = affine_map<(i) -> (i)>
func.func @many_elements(%x: memref<100000000xi32>) {
  // expected-error @+1 {{'linalg.generic' op has loops of 2801 turns in its body}}
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"]} outs(%x : memref<100000000xi32>) {
  ^bb0(%v: i32):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %end = arith.constant 2800 : index
    %r = scf.for %i = %c0 to %end step %c1 iter_args(%a = %v) -> i32 {
      %b = arith.addi %a, %v : i32
      scf.yield %b : i32
    }
    linalg.yield %r : i32
  }
  return
}

// -----

func.func @many_launches(%x: memref<2x500000xi32>, %s: memref<2xi32>) {
  // expected-error @+1 {{'linalg.generic' op needs more than 4096 launches, since a thread of the target may have 32768 turns of loops; write it as a loop on tensors, or choose another target}}
  linalg.generic {indexing_maps = [affine_map<(m, i) -> (m, i)>, affine_map<(m, i) -> (m)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<2x500000xi32>) outs(%s : memref<2xi32>) {
  ^bb0(%v: i32, %sum: i32):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %end = arith.constant 2800 : index
    %r = scf.for %i = %c0 to %end step %c1 iter_args(%a = %sum) -> i32 {
      %b = arith.muli %a, %v : i32
      scf.yield %b : i32
    }
    linalg.yield %r : i32
  }
  return
}
