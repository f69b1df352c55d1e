// An object file with kernels, called from C; the simulator runs them.

// REQUIRES: cc
// The library would want the sanitizer's runtime from the program.
// UNSUPPORTED: sanitized
// RUN: rm -rf %t && mkdir %t
// RUN: qfmt-run %s --gpu=sim --emit=object -o %t/model.o
// RUN: FileCheck %s --check-prefix=HEADER < %t/model.h
// RUN: %cc -Wall -Werror -I %t -I %qfmt_src/lib/Runtime/GPU %S/Inputs/call-gpu.c %t/model.o \
// RUN:   -L %qfmt_lib -lqfmt_sim -Wl,-rpath,%qfmt_lib -o %t/call
// RUN: %t/call | FileCheck %s --check-prefix=CALL

// The same program where there is no driver.
// RUN: qfmt-run %s --gpu=cuda --emit=object -o %t/model.o
// RUN: %cc -Wall -Werror -I %t -I %qfmt_src/lib/Runtime/GPU %S/Inputs/call-gpu.c %t/model.o \
// RUN:   -L %qfmt_lib -lqfmt_cuda -Wl,-rpath,%qfmt_lib -o %t/call
// RUN: not env QFMT_LIBCUDA=%t/none.so %t/call 2>&1 | FileCheck %s --check-prefix=NONE

// HEADER: Runs on a GPU: link the library of the --gpu it was compiled for, -lqfmt_cuda,
// HEADER: int qfmt_main(const int32_t *input0, int32_t *output0);
// CALL: 0: 11 22 33 44
// NONE: no CUDA driver: {{.*}}none.so

func.func @main(%x: tensor<4xi32>) -> tensor<4xi32> {
  %w = arith.constant dense<[10, 20, 30, 40]> : tensor<4xi32>
  %y = arith.addi %x, %w : tensor<4xi32>
  return %y : tensor<4xi32>
}
