// What passes count is printed at the end if asked for, in every build type.
// RUN: qfmt-opt %s -qfmt-integerize -o %t 2>&1 | FileCheck %s --allow-empty --check-prefix=QUIET
// RUN: qfmt-opt %s -qfmt-integerize --qfmt-statistics -o %t 2>&1 | FileCheck %s
// A pass's own statistics have another layout in an LLVM without assertions than in our builds with them.
// RUN: not grep -rn "let statistics" %S/../../../include

// QUIET-NOT: Statistics
// QUIET-NOT: qfmt-integerize
// CHECK: Statistics Collected
// CHECK-DAG: 2 qfmt-integerize - Operations rewritten to integers
// CHECK-DAG: 1 qfmt-integerize - Dyadic rescalings
// CHECK-NOT: Statistics are disabled

#act = #qfmt.scaled<i8, scale = 0.5>
#id = affine_map<(a) -> (a)>
func.func @half_of_sum(%a: tensor<8xf32, #act>, %b: tensor<8xf32, #act>) -> tensor<8xf32, #qfmt.scaled<i8, scale = 0.75>> {
  %empty = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%a, %b : tensor<8xf32, #act>, tensor<8xf32, #act>) outs(%empty : tensor<8xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %s = arith.addf %x, %y : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %1 = qfmt.quantize %0 : tensor<8xf32> to tensor<8xf32, #qfmt.scaled<i8, scale = 0.75>>
  return %1 : tensor<8xf32, #qfmt.scaled<i8, scale = 0.75>>
}
