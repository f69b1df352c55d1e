// RUN: not qfmt-opt %s --qfmt-lmul=mantissa=-1 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not qfmt-opt %s --qfmt-quantize --qfmt-integerize 2>&1 | FileCheck %s --check-prefix=INTEGER

// NEGATIVE: error: qfmt-lmul needs mantissa = 0 (all bits) or more, found -1

// INTEGER: error: {{.*}}'qfmt.lmul'
func.func @main(%x: tensor<4xf32, #qfmt.scaled<i8>>) -> tensor<4xf32, #qfmt.scaled<i8>> {
  %e = tensor.empty() : tensor<4xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<4xf32, #qfmt.scaled<i8>>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %p = qfmt.lmul %a, %a : f32
    linalg.yield %p : f32
  } -> tensor<4xf32>
  %q = qfmt.quantize %0 : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<i8>>
  return %q : tensor<4xf32, #qfmt.scaled<i8>>
}
