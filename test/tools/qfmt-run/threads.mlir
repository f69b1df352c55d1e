// Loops divided among threads: the same results, and code that names the runtime it needs.

// REQUIRES: openmp
// RUN: rm -rf %t && mkdir %t
// RUN: %npy make %t/x.npy "<f4" 256x1024 1.5 -2 3 0.25 7
// RUN: qfmt-run %s --inputs=%t/x.npy --outputs=%t/one.npy
// RUN: qfmt-run %s --inputs=%t/x.npy --outputs=%t/two.npy --threads=2 --repeat=5
// RUN: qfmt-run %s --inputs=%t/x.npy --outputs=%t/seven.npy --threads=7 --openmp-library=%openmp
// RUN: qfmt-run %s --inputs=%t/x.npy --outputs=%t/auto.npy --threads=auto
// RUN: cmp %t/one.npy %t/auto.npy
// RUN: cmp %t/one.npy %t/two.npy && cmp %t/one.npy %t/seven.npy

// RUN: qfmt-run %s --emit=llvm --threads=2 | FileCheck %s --check-prefix=TWO
// TWO: define internal void @[[BODY:.*]](ptr
// TWO: call void @__kmpc_for_static_init
// TWO: define {{.*}} @qfmt_main(
// TWO: @omp_get_num_procs()
// TWO: @__kmpc_push_num_threads(
// TWO: @__kmpc_fork_call({{.*}} @[[BODY]]

// RUN: qfmt-run %s --emit=llvm --threads=1 | FileCheck %s --check-prefix=ONE
// RUN: qfmt-run %s --emit=llvm | FileCheck %s --check-prefix=ONE
// ONE-NOT: {{__kmpc|omp_}}
// ONE: define {{.*}} @qfmt_main(
// ONE-NOT: {{__kmpc|omp_}}

// RUN: qfmt-run %s --emit=object --threads=2 -o %t/model.o
// RUN: FileCheck %s --check-prefix=HEADER < %t/model.h
// HEADER: Runs in several threads: link LLVM's OpenMP runtime, -lomp.
// RUN: qfmt-run %s --emit=object -o %t/model1.o
// RUN: FileCheck %s --check-prefix=HEADER1 < %t/model1.h
// HEADER1-NOT: OpenMP
// RUN: llvm-nm -u %t/model1.o | not grep -E '__kmpc|omp_'

// RUN: not qfmt-run %s --inputs=%t/x.npy --threads=2 --openmp-library=/nonexistent.so 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: code for several threads needs LLVM's OpenMP runtime, which cannot be loaded: /nonexistent.so: {{.*}}; install it (libomp-22-dev on Debian), or compile for one thread
// RUN: not qfmt-run %s --inputs=%t/x.npy --threads=2000 2>&1 | FileCheck %s --check-prefix=MANY
// MANY: qfmt-run: error: --threads takes 1 to 1024, found 2000
// RUN: not qfmt-run %s --inputs=%t/x.npy --threads=0 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: qfmt-run: error: --threads takes 1 to 1024, found 0
// RUN: not qfmt-run %s --inputs=%t/x.npy --threads=-1 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// NEGATIVE: qfmt-run: error: --threads takes 1 to 1024, found -1
// RUN: not qfmt-run %s --inputs=%t/x.npy --threads=1.5 2>&1 | FileCheck %s --check-prefix=FRACTION
// FRACTION: '1.5' value invalid: it is a number or auto
// RUN: not qfmt-run %s --inputs=%t/x.npy --threads=2 --engine=reference 2>&1 | FileCheck %s --check-prefix=REFERENCE
// REFERENCE: qfmt-run: error: --threads is for compiled code: the reference evaluator has one thread
// RUN: not qfmt-run %s --inputs=%t/x.npy --mcpu=foo --engine=reference 2>&1 | FileCheck %s --check-prefix=PROCESSOR
// RUN: not qfmt-run %s --inputs=%t/x.npy --mattr=+foo --engine=reference 2>&1 | FileCheck %s --check-prefix=PROCESSOR
// PROCESSOR: qfmt-run: error: --mcpu and --mattr are for compiled code: drop them or --engine=reference

#id = affine_map<(m, n) -> (m, n)>
func.func @main(%x: tensor<256x1024xf32>) -> tensor<256x1024xf32> {
  %e = tensor.empty() : tensor<256x1024xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<256x1024xf32>) outs(%e : tensor<256x1024xf32>) {
  ^bb0(%a: f32, %o: f32):
    %v = arith.mulf %a, %a : f32
    %w = arith.addf %v, %a : f32
    %z = math.sqrt %v : f32
    %s = arith.addf %w, %z : f32
    linalg.yield %s : f32
  } -> tensor<256x1024xf32>
  return %y : tensor<256x1024xf32>
}
