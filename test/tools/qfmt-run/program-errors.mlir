// What a program does wrong is a message of one line and status 1, and leaves no output.

// RUN: %npy make %t.npy '<i4' 4 5 -3 0 9
// RUN: rm -f %t.y.npy

// RUN: not qfmt-run %s --entry=assert --inputs=%t.npy --outputs=%t.y.npy > %t.err 2>&1
// RUN: FileCheck %s --check-prefix=ASSERT < %t.err && count 1 < %t.err
// ASSERT: qfmt-run: error: an assertion of the program fails: x is too small
func.func @assert(%x: tensor<4xi32>) -> tensor<4xi32> {
  %c0 = arith.constant 0 : index
  %v = tensor.extract %x[%c0] : tensor<4xi32>
  %c100 = arith.constant 100 : i32
  %c = arith.cmpi sgt, %v, %c100 : i32
  cf.assert %c, "x is too small"
  return %x : tensor<4xi32>
}

// The reference evaluator knows where.
// RUN: not qfmt-run %s --entry=divide --engine=reference --inputs=%t.npy --outputs=%t.y.npy 2>&1 | FileCheck %s --check-prefix=REFERENCE
// REFERENCE: program-errors.mlir:[[#]]:{{.*}}error: 'arith.divsi' op
func.func @divide(%x: tensor<4xi32>) -> tensor<4xi32> {
  %c = arith.constant dense<7> : tensor<4xi32>
  %r = arith.divsi %c, %x : tensor<4xi32>
  return %r : tensor<4xi32>
}

// RUN: not qfmt-run %s --entry=negative --inputs=%t.npy --outputs=%t.y.npy > %t.err 2>&1
// RUN: FileCheck %s --check-prefix=NEGATIVE < %t.err && count 1 < %t.err
// RUN: not qfmt-run %s --entry=negative --engine=reference --inputs=%t.npy 2>&1 | FileCheck %s --check-prefix=REFNEGATIVE
// NEGATIVE: qfmt-run: error: result #0 has a negative size, -3
// REFNEGATIVE: error: 'tensor.empty' op has a negative size, -3
func.func @negative(%x: tensor<4xi32>) -> tensor<?xi32> {
  %c1 = arith.constant 1 : index
  %k = tensor.extract %x[%c1] : tensor<4xi32>
  %n = arith.index_cast %k : i32 to index
  %z = arith.constant 0 : i32
  %e = tensor.empty(%n) : tensor<?xi32>
  %r = linalg.fill ins(%z : i32) outs(%e : tensor<?xi32>) -> tensor<?xi32>
  return %r : tensor<?xi32>
}

// 2^62 elements of 4 bytes: the bytes that the code asks for are none.
// RUN: not qfmt-run %s --entry=wraps --inputs=%t.npy --outputs=%t.y.npy > %t.err 2>&1
// RUN: FileCheck %s --check-prefix=WRAPS < %t.err && count 1 < %t.err
// WRAPS: qfmt-run: error: result #0 takes more than 2^63 bytes; one of its sizes is 4611686018427387904
func.func @wraps(%x: tensor<4xi32>) -> tensor<?xi32> {
  %c2 = arith.constant 2 : index
  %k = tensor.extract %x[%c2] : tensor<4xi32>
  %zero = arith.index_cast %k : i32 to index
  %large = arith.constant 4611686018427387904 : index
  %n = arith.addi %zero, %large : index
  %e = tensor.empty(%n) : tensor<?xi32>
  return %e : tensor<?xi32>
}

// 40 TiB; the sanitizers' own allocator has to say so, too.
// RUN: not env ASAN_OPTIONS=allocator_may_return_null=1 qfmt-run %s --entry=large --inputs=%t.npy --outputs=%t.y.npy 2>&1 | FileCheck %s --check-prefix=LARGE
// RUN: not qfmt-run %s --entry=large --engine=reference --inputs=%t.npy 2>&1 | FileCheck %s --check-prefix=REFLARGE
// LARGE: qfmt-run: error: the compiled code asks for 43980465111{{[0-9]+}} bytes of memory, which this machine does not give
// REFLARGE: error: 'tensor.empty' op a tensor of shape [1048576, 10485760] takes more memory than there is: 8 bytes an element here
func.func @large(%x: tensor<4xi32>) -> tensor<1048576x10485760xi32> {
  %c0 = arith.constant 0 : index
  %z = tensor.extract %x[%c0] : tensor<4xi32>
  %e = tensor.empty() : tensor<1048576x10485760xi32>
  %r = linalg.fill ins(%z : i32) outs(%e : tensor<1048576x10485760xi32>) -> tensor<1048576x10485760xi32>
  return %r : tensor<1048576x10485760xi32>
}

// RUN: not qfmt-run %s --entry=zeros --engine=reference --inputs=%t.npy 2>&1 | FileCheck %s --check-prefix=ZEROS
// RUN: not qfmt-run %s --entry=zeros --inputs=%t.npy --outputs=%t.y.npy 2>&1 | FileCheck %s --check-prefix=BLOB
// BLOB: error: a constant of type 'tensor<1048576x10485760xi32>' takes 43980465111040 bytes, more than the memory of this machine; make a tensor of one value with linalg.fill
// ZEROS: error: 'arith.constant' op a tensor of shape [1048576, 10485760] takes more memory than there is
func.func @zeros(%x: tensor<4xi32>) -> tensor<1048576x10485760xi32> {
  %z = arith.constant dense<0> : tensor<1048576x10485760xi32>
  return %z : tensor<1048576x10485760xi32>
}

// RUN: not ls %t.y.npy
