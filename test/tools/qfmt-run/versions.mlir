// One object with the code of several kinds of processors, which takes the best that the machine can run.
// REQUIRES: x86_64, cc
// RUN: rm -rf %t && mkdir %t
// RUN: %python -c "import sys; print(sys.stdin.read().replace('WEIGHTS', '0x01000000' + bytes(i * 37 % 251 for i in range(2450)).hex()))" < %s > %t/model.mlir
// RUN: qfmt-run %t/model.mlir --emit=object --versions=x86-64-v4+avx512vnni+amx-int8+amx-tile,x86-64-v4+avx512vnni,x86-64-v4,x86-64-v3+avxvnni,x86-64-v3,x86-64-v2,x86-64 -o %t/model.o
// RUN: FileCheck %s --check-prefix=HEADER < %t/model.h
// RUN: %cc -Wall -Werror -I %t %S/Inputs/call-versions.c %t/model.o -lm -o %t/call

// What every x86-64 can run, runs; what the machine lacks says so.
// RUN: %t/call | FileCheck %s --check-prefix=ANY
// RUN: env QFMT_VERSION=x86-64 %t/call | FileCheck %s --check-prefix=PLAIN
// RUN: env QFMT_VERSION=x86-64-v2 %t/call | FileCheck %s --check-prefix=ONE
// RUN: env QFMT_VERSION=x86-64-v3 %t/call | FileCheck %s --check-prefix=ONE
// RUN: env QFMT_VERSION=x86-64-v3+avxvnni %t/call | FileCheck %s --check-prefix=ONE
// RUN: env QFMT_VERSION=x86-64-v4 %t/call | FileCheck %s --check-prefix=ONE
// RUN: env QFMT_VERSION=x86-64-v4+avx512vnni %t/call | FileCheck %s --check-prefix=ONE
// RUN: env QFMT_VERSION=x86-64-v4+avx512vnni+amx-int8+amx-tile %t/call | FileCheck %s --check-prefix=ONE
// RUN: env QFMT_VERSION=z80 %t/call | FileCheck %s --check-prefix=UNKNOWN
// ANY: any: right, x86-64
// PLAIN: x86-64: right, x86-64
// ONE: {{: right, x86-64|: cannot run, version none}}
// UNKNOWN: z80: cannot run, version none

// HEADER: Returns 0, or 1 if no version of the code can run on this machine. */
// HEADER: int qfmt_main(const int8_t *input0, int32_t *output0);
// HEADER: const char *qfmt_main_version(void);

// Each has its instructions; the constant is there once, aligned, and what depends on the version beside it.
// RUN: qfmt-run %t/model.mlir --emit=asm --versions=x86-64-v4+avx512vnni,x86-64-v3,x86-64-v2 -o - | FileCheck %s --check-prefix=ASM
// ASM-LABEL: {{^}}qfmt_main.1:
// ASM: vpdpbusd
// ASM-LABEL: {{^}}qfmt_main.2:
// ASM: vpmaddwd
// ASM-LABEL: {{^}}qfmt_main.3:
// ASM: {{[[:space:]]}}pmaddwd
// ASM: {{^}}qfmt_main.has:
// ASM: cpuid
// ASM: {{^}}qfmt_main.choose:
// ASM: xgetbv
// RUN: qfmt-run %t/model.mlir --emit=object --versions=x86-64-v4+avx512vnni -o %t/one.o && llvm-readelf -S %t/one.o | grep qfmt.weights > %t/sizes
// RUN: qfmt-run %t/model.mlir --emit=object --versions=x86-64-v4+avx512vnni,x86-64-v4,x86-64-v3 -o %t/three.o && llvm-readelf -S %t/three.o | grep qfmt.weights >> %t/sizes
// RUN: FileCheck %s --check-prefix=SIZES < %t/sizes
// 3 * 18 * 64 bytes of the factor and 35 corrections of 4 bytes.
// SIZES: .qfmt.weights PROGBITS {{[0-9a-f]+}} {{[0-9a-f]+}} 000e40
// SIZES: .qfmt.weights PROGBITS {{[0-9a-f]+}} {{[0-9a-f]+}} 000e40

// One version with tiles asks for them, and says if they are denied.
// RUN: qfmt-run %t/model.mlir --emit=asm --mcpu=sapphirerapids -o - | FileCheck %s --check-prefix=TILES
// TILES: {{^}}qfmt_main.choose:
// TILES: movl $18, %esi
// TILES: syscall

// Features that others imply are asked for, too: VNNI needs AVX-512 (bit 16), and that AVX2 (bit 5).
// RUN: qfmt-run %t/model.mlir --emit=llvm --versions=x86-64+avx512vnni,x86-64 -o - | FileCheck %s --check-prefix=IMPLIED
// IMPLIED: call {{.*}}i1 @qfmt_main.has(i32 7, i32 0, i32 0, i32 65568, i32 0, i32 0)
// IMPLIED: call {{.*}}i1 @qfmt_main.has(i32 7, i32 0, i32 0, i32 0, i32 2048, i32 0)

// RUN: not qfmt-run %t/model.mlir --emit=object --versions=x86-64-v3,abacus -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=CPU
// CPU-NOT: not a recognized
// CPU: error: 'abacus' is no processor of x86_64 that LLVM knows
// RUN: not qfmt-run %t/model.mlir --emit=object --versions=x86-64-v3+beads -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=FEATURE
// FEATURE-NOT: not a recognized
// FEATURE: error: '+beads' is no feature of x86_64 that LLVM knows, with + or - before its name
// RUN: not qfmt-run %t/model.mlir --emit=object --versions=x86-64-v3+egpr -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=UNASKABLE
// UNASKABLE: error: a program cannot find out whether its machine has 'egpr', which 'x86-64-v3' with '+egpr' has; name a processor without it, and features one by one
// RUN: not qfmt-run %t/model.mlir --emit=object --versions=x86-64-v3,x86-64,x86-64-v3 -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=TWICE
// TWICE: error: the version 'x86-64-v3' is there twice; name it once
// RUN: not qfmt-run %t/model.mlir --emit=object --versions=x86-64-v2,x86-64-v3 -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=HIDDEN
// HIDDEN: error: the version 'x86-64-v3' would never be taken: each machine that can run it can run 'x86-64-v2', which is before it; name the best first
// RUN: not qfmt-run %t/model.mlir --emit=object --versions=x86-64-v3 --mcpu=haswell -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=BOTH
// BOTH: error: --versions names processors itself: drop --mcpu, --mattr and --mtriple
// RUN: not qfmt-run %t/model.mlir --versions=x86-64-v3 2>&1 | FileCheck %s --check-prefix=EMIT
// EMIT: error: --versions is for --emit: code that runs here needs one version, for this machine

// RUN: not qfmt-run %t/model.mlir --emit=object --mattr=+beads -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=MATTR
// MATTR-NOT: not a recognized
// MATTR: error: '+beads' is no feature of x86_64 that LLVM knows, with + or - before its name
// RUN: not qfmt-run %t/model.mlir --emit=object --mcpu=abacus -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=MCPU
// MCPU-NOT: not a recognized
// MCPU: error: 'abacus' is no processor of x86_64 that LLVM knows
// RUN: not qfmt-run %t/model.mlir --emit=object --mcpu=haswell --mattr=+soft-float -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=SOFT
// SOFT: error: code for x86_64 cannot have 'soft-float', which 'haswell' with '+soft-float' has; choose another processor or other features
// RUN: not qfmt-run %t/model.mlir --emit=object --mcpu=haswell --mattr=+16bit-mode -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=MODE
// MODE: error: code for x86_64 cannot have '16bit-mode', which 'haswell' with '+16bit-mode' has; choose another processor or other features
// RUN: not qfmt-run %t/model.mlir --emit=object --mcpu=haswell --mattr=-sse -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=SSE
// SSE: error: code for x86_64 needs 'sse2', which 'haswell' with '-sse' has not; choose another processor or other features
// RUN: not qfmt-run %t/model.mlir --emit=object --mcpu=i686 -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=I686
// I686: error: code for x86_64 needs '64bit', which 'i686' has not; choose another processor or other features
// RUN: not qfmt-run %t/model.mlir --emit=object --mtriple=i686-linux-gnu -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=TRIPLE
// TRIPLE: error: cannot generate code for 'i686-unknown-linux-gnu': only for little-endian processors of 64 bits
// RUN: not qfmt-run %t/model.mlir --emit=object --mtriple=x86_64-linux-gnux32 -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=X32
// X32: error: cannot generate code for 'x86_64-unknown-linux-gnux32': only for little-endian processors of 64 bits
// RUN: not qfmt-run %t/model.mlir --mtriple=aarch64-linux-gnu 2>&1 | FileCheck %s --check-prefix=RUNS
// RUNS: error: --mtriple is for --emit: another machine's code cannot run here
// RUN: not ls %t/bad.o

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>

func.func @main(%x: tensor<33x70xi8>) -> tensor<33x35xi32> {
  %w = arith.constant dense_resource<weights> : tensor<70x35xi8>
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<33x35xi32>
  %init = linalg.fill ins(%zero : i32) outs(%e : tensor<33x35xi32>) -> tensor<33x35xi32>
  %y = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<33x70xi8>, tensor<70x35xi8>) outs(%init : tensor<33x35xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %p = arith.muli %a32, %b32 : i32
    %s = arith.addi %c, %p : i32
    linalg.yield %s : i32
  } -> tensor<33x35xi32>
  return %y : tensor<33x35xi32>
}

{-#
  dialect_resources: {
    builtin: {
      weights: "WEIGHTS"
    }
  }
#-}
