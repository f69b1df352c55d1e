// An object file, its weights in a section of their own, called from C.

// REQUIRES: cc
// RUN: rm -rf %t && mkdir %t
// RUN: qfmt-run %s --emit=object -o %t/model.o
// RUN: llvm-readelf -S %t/model.o | FileCheck %s --check-prefix=SECTIONS
// RUN: llvm-nm %t/model.o | FileCheck %s --check-prefix=SYMBOLS
// RUN: FileCheck %s --check-prefix=HEADER < %t/model.h
// RUN: %cc -Wall -Werror -I %t %S/Inputs/call-model.c %t/model.o -lm -o %t/call
// RUN: %t/call | FileCheck %s --check-prefix=CALL

// The same as assembly, weights included.
// RUN: qfmt-run %s --emit=asm -o %t/model.s
// RUN: %cc -Wall -Werror -I %t %S/Inputs/call-model.c %t/model.s -lm -o %t/call-asm
// RUN: %t/call-asm | FileCheck %s --check-prefix=CALL
// RUN: ls %t | FileCheck %s --check-prefix=FILES

// LLVM IR refers to the weights by name.
// RUN: qfmt-run %s --emit=llvm | FileCheck %s --check-prefix=LLVM
// LLVM: @qfmt_weights = external
// LLVM-NOT: constant [
// LLVM: define {{.*}} @qfmt_main(

// SECTIONS: .qfmt.weights PROGBITS {{[0-9a-f]+}} {{[0-9a-f]+}} 000040 00 A 0 0 64
// SYMBOLS-NOT: {{ }}T main
// SYMBOLS: T qfmt_main
// SYMBOLS: r qfmt_weights
// HEADER: image (in): 2 x 3 x i8: argument #0 ('image')
// HEADER: int qfmt_main(const int8_t *image, int32_t *output0, int8_t *output1);
// CALL: 0: 14 32 same
// FILES-NOT: weights

#x = affine_map<(i, j) -> (i, j)>
#w = affine_map<(i, j) -> (j)>
#y = affine_map<(i, j) -> (i)>
func.func @main(%x: tensor<2x3xi8> {qfmt.name = "image"}) -> (tensor<2xi32>, tensor<2x3xi8>) {
  %w = arith.constant dense<[1, 2, 3]> : tensor<3xi8>
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<2xi32>
  %f = linalg.fill ins(%zero : i32) outs(%e : tensor<2xi32>) -> tensor<2xi32>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "reduction"]}
      ins(%x, %w : tensor<2x3xi8>, tensor<3xi8>) outs(%f : tensor<2xi32>) {
  ^bb0(%a: i8, %b: i8, %o: i32):
    %1 = arith.extsi %a : i8 to i32
    %2 = arith.extsi %b : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %3, %o : i32
    linalg.yield %4 : i32
  } -> tensor<2xi32>
  return %0, %x : tensor<2xi32>, tensor<2x3xi8>
}
