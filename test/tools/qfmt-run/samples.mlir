// One call for each sample; statistics.

// RUN: %npy make %t.x.npy '|i1' 3x2 1 2 3 4 5 6
// RUN: %npy make %t.y.npy '|i1' 3x2 10 20 30 40 50 60
// RUN: qfmt-run %s --samples --progress --repeat=2 --inputs=%t.x.npy,%t.y.npy --outputs=%t.z.npy --time-json=%t.json 2>&1 | FileCheck %s --check-prefix=OUT
// RUN: %npy print %t.z.npy | FileCheck %s --check-prefix=Z
// RUN: FileCheck %s --check-prefix=JSON < %t.json
// RUN: qfmt-run %s --engine=reference --samples --inputs=%t.x.npy,%t.y.npy --outputs=%t.r.npy
// RUN: cmp %t.z.npy %t.r.npy

// OUT-DAG: 3/3
// OUT-DAG: time per call:
// Z: |i1 (3, 2) 11 22 33 44 55 66
// JSON: {"calls":6,"ms_per_call":{{[0-9.e-]+}}}

// No samples: no call, an empty array of the right shape.
// RUN: %npy make %t.e.npy '|i1' 0x2 0
// RUN: qfmt-run %s --samples --inputs=%t.e.npy,%t.e.npy --outputs=%t.z0.npy
// RUN: %npy print %t.z0.npy | FileCheck %s --check-prefix=EMPTY
// EMPTY: |i1 (0, 2)

// RUN: not qfmt-run %s --samples --inputs=%t.x.npy,%t.e.npy 2>&1 | FileCheck %s --check-prefix=COUNT
// COUNT: error: '{{.*}}.e.npy' has 0 samples, but '{{.*}}.x.npy' has 3

func.func @main(%x: tensor<2xi8>, %y: tensor<2xi8>) -> tensor<2xi8> {
  %0 = arith.addi %x, %y : tensor<2xi8>
  return %0 : tensor<2xi8>
}
