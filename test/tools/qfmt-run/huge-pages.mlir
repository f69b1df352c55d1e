// Memory of at least 2 MiB lies in huge pages, where the system has them; smaller memory is malloc's, as it was.

// RUN: qfmt-run %s --emit=llvm --mtriple=x86_64-linux-gnu --mcpu=x86-64-v3 -O 0 | FileCheck %s 
// RUN: qfmt-run %s --emit=llvm --mtriple=x86_64-apple-darwin --mcpu=x86-64-v3 -O 0 | FileCheck %s --check-prefix=ELSEWHERE
// RUN: qfmt-run %s --emit=llvm --mtriple=x86_64-linux-gnu --mcpu=x86-64-v3 -O 0 --entry=small | FileCheck %s --check-prefix=SMALL
// RUN: %npy make %t.x.npy "<f4" 1024x1024 1 2.5 -3
// RUN: qfmt-run %s --inputs=%t.x.npy --outputs=%t.y.npy --repeat=3
// RUN: qfmt-run %s --inputs=%t.x.npy --outputs=%t.r.npy --engine=reference
// RUN: cmp %t.y.npy %t.r.npy

// CHECK:         call {{.*}}@qfmt_allocate(i64 4194368)
// CHECK-LABEL: define internal noalias ptr @qfmt_allocate(i64
// CHECK-DAG:     call {{.*}}@malloc(i64
// CHECK-DAG:     call {{.*}}@madvise(ptr {{.*}}, i64 {{.*}}, i32 14)
// CHECK:         ret ptr
// ELSEWHERE-NOT: madvise
// ELSEWHERE:     call {{.*}}@malloc(i64
// SMALL-NOT:     @qfmt_allocate
// SMALL:         call {{.*}}@malloc(i64
// SMALL-NOT:     @qfmt_allocate

func.func @main(%x: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> {
  %0 = arith.addf %x, %x : tensor<1024x1024xf32>
  return %0 : tensor<1024x1024xf32>
}

func.func @small(%x: tensor<511x1024xf32>) -> tensor<511x1024xf32> {
  %0 = arith.addf %x, %x : tensor<511x1024xf32>
  return %0 : tensor<511x1024xf32>
}
