// Where a processor has a signal for a mistake of the program, it is a message of one line and status 1, no stack dump.
// REQUIRES: x86_64

// RUN: %npy make %t.npy '<i4' 4 5 -3 0 9
// RUN: rm -f %t.y.npy
// RUN: not qfmt-run %s --entry=divide --inputs=%t.npy --outputs=%t.y.npy > %t.err 2>&1
// RUN: FileCheck %s --check-prefix=DIVIDE < %t.err && count 1 < %t.err
// DIVIDE: qfmt-run: error: the compiled code divided an integer by zero, or the lowest one by -1 (SIGFPE); --engine=reference names the operation
// RUN: not qfmt-run %s --entry=beyond --inputs=%t.npy --outputs=%t.y.npy > %t.err 2>&1
// RUN: FileCheck %s --check-prefix=BEYOND < %t.err && count 1 < %t.err
// BEYOND: qfmt-run: error: the compiled code used memory that is not its own (SIGSEGV), as with an index beyond a tensor; --engine=reference names the operation
// RUN: not ls %t.y.npy

func.func @divide(%x: tensor<4xi32>) -> tensor<4xi32> {
  %c = arith.constant dense<7> : tensor<4xi32>
  %r = arith.divsi %c, %x : tensor<4xi32>
  return %r : tensor<4xi32>
}

func.func @beyond(%x: tensor<4xi32>) -> tensor<1xi32> {
  %c0 = arith.constant 0 : index
  %k = tensor.extract %x[%c0] : tensor<4xi32>
  %i = arith.index_cast %k : i32 to index
  %far = arith.constant 1099511627776 : index
  %j = arith.muli %i, %far : index
  %v = tensor.extract %x[%j] : tensor<4xi32>
  %r = tensor.from_elements %v : tensor<1xi32>
  return %r : tensor<1xi32>
}
