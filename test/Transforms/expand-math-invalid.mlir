// RUN: qfmt-opt %s --qfmt-expand-math=max-ulp=0.9 --split-input-file --verify-diagnostics
// RUN: not qfmt-opt %s --qfmt-expand-math=max-ulp=0.5 --split-input-file 2>&1 | FileCheck %s --check-prefix=ULP
// RUN: not qfmt-opt %s --qfmt-expand-math="max-ulp=100 max-ops=4" --split-input-file 2>&1 | FileCheck %s --check-prefix=OPS
// RUN: not qfmt-opt %s --qfmt-expand-math="max-ulp=100 max-ops=1" --split-input-file 2>&1 | FileCheck %s --check-prefix=SHORT

// ULP: error: qfmt-expand-math needs max-ulp > 0.5, the error of a correctly rounded result, found 0.5

// OPS: error: 'math.exp2' op on 'f32' has no program with an error of at most 100 ulp and at most 4 operations; the most accurate has {{[0-9.e+]+}} ulp: raise max-ulp or max-ops
// SHORT: error: 'math.exp2' op on 'f32' has no program with an error of at most 100 ulp and at most 1 operations; none is that short: raise max-ops
func.func @inaccurate(%x: f32) -> f32 {
  // expected-error @+1 {{on 'f32' has no program with an error of at most 0.9 ulp; the most accurate has}}
  %0 = math.exp2 %x : f32
  return %0 : f32
}

// -----

func.func @dynamic(%x: tensor<?xf32>) -> tensor<?xf32> {
  // expected-error @+1 {{has dynamic sizes ('tensor<?xf32>'), for which there are no constants: rewrite it with convert-elementwise-to-linalg first}}
  %0 = math.exp %x : tensor<?xf32>
  return %0 : tensor<?xf32>
}
