// RUN: qfmt-opt %s -split-input-file -qfmt-insert-observers | FileCheck %s
// RUN: qfmt-opt %s -split-input-file -qfmt-insert-observers -qfmt-verify-level=level=observed -o /dev/null

// Attention with a mask: the operands of products of two tensors are observed,
// the scores after their scaling and before the mask, the probabilities (a
// matrix product reads them), and what comes out. Sums, maxima, differences and
// powers of the softmax are not. The mask is nothing but the argument.

#whole = affine_map<(h, i, j) -> (h, i, j)>
#row = affine_map<(h, i, j) -> (h, i, 0)>
#column = affine_map<(h, i, j) -> (j)>
// CHECK-LABEL: func @attention
func.func @attention(%q: tensor<2x4x8xf32>, %k: tensor<2x8x4xf32>, %v: tensor<2x4x8xf32>, %mask: tensor<1x4xf32>) -> tensor<2x4x8xf32> {
  // CHECK: qfmt.observe %{{.*}} "argument.3"
  // CHECK: qfmt.observe %{{.*}} "argument.2"
  // CHECK: qfmt.observe %{{.*}} "argument.1"
  // CHECK: qfmt.observe %{{.*}} "argument.0"
  // CHECK-NOT: qfmt.observe
  // CHECK: linalg.batch_matmul
  // CHECK-NOT: qfmt.observe
  // CHECK: arith.mulf
  // CHECK: %[[SCORES:.*]] = qfmt.observe %{{.*}} "generic.0" : tensor<2x4x4xf32>
  // CHECK-NOT: qfmt.observe
  // CHECK: linalg.generic {{.*}} ins(%[[SCORES]],
  // CHECK-NOT: qfmt.observe
  // CHECK: arith.divf
  // CHECK: %[[P:.*]] = qfmt.observe %{{.*}} "generic.1" : tensor<2x4x4xf32>
  // CHECK: %[[OUT:.*]] = linalg.batch_matmul ins(%[[P]],
  // CHECK: qfmt.observe %[[OUT]] "batch_matmul.0"
  // CHECK-NOT: qfmt.observe
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %factor = arith.constant 0.25 : f32
  %penalty = arith.constant dense<64.0> : tensor<1x4xf32>
  %square = tensor.empty() : tensor<2x4x4xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%square : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %products = linalg.batch_matmul ins(%q, %k : tensor<2x4x8xf32>, tensor<2x8x4xf32>) outs(%zeros : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %four = tensor.expand_shape %products [[0, 1], [2], [3]] output_shape [1, 2, 4, 4] : tensor<2x4x4xf32> into tensor<1x2x4x4xf32>
  %three = tensor.collapse_shape %four [[0, 1], [2], [3]] : tensor<1x2x4x4xf32> into tensor<2x4x4xf32>
  %scaled = linalg.generic {indexing_maps = [#whole, #whole], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%three : tensor<2x4x4xf32>) outs(%square : tensor<2x4x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %in, %factor : f32
    linalg.yield %0 : f32
  } -> tensor<2x4x4xf32>
  %penalties = linalg.mul ins(%mask, %penalty : tensor<1x4xf32>, tensor<1x4xf32>) outs(%mask : tensor<1x4xf32>) -> tensor<1x4xf32>
  %columns = tensor.collapse_shape %penalties [[0, 1]] : tensor<1x4xf32> into tensor<4xf32>
  %masked = linalg.generic {indexing_maps = [#whole, #column, #whole], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%scaled, %columns : tensor<2x4x4xf32>, tensor<4xf32>) outs(%square : tensor<2x4x4xf32>) {
  ^bb0(%in: f32, %m: f32, %out: f32):
    %0 = arith.subf %in, %m : f32
    linalg.yield %0 : f32
  } -> tensor<2x4x4xf32>
  %rows = tensor.empty() : tensor<2x4x1xf32>
  %lows = linalg.fill ins(%lowest : f32) outs(%rows : tensor<2x4x1xf32>) -> tensor<2x4x1xf32>
  %max = linalg.generic {indexing_maps = [#whole, #row], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%masked : tensor<2x4x4xf32>) outs(%lows : tensor<2x4x1xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.maximumf %in, %out : f32
    linalg.yield %0 : f32
  } -> tensor<2x4x1xf32>
  %shifted = linalg.generic {indexing_maps = [#whole, #row, #whole], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%masked, %max : tensor<2x4x4xf32>, tensor<2x4x1xf32>) outs(%square : tensor<2x4x4xf32>) {
  ^bb0(%in: f32, %m: f32, %out: f32):
    %0 = arith.subf %in, %m : f32
    linalg.yield %0 : f32
  } -> tensor<2x4x4xf32>
  %power = linalg.exp ins(%shifted : tensor<2x4x4xf32>) outs(%square : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %none = linalg.fill ins(%zero : f32) outs(%rows : tensor<2x4x1xf32>) -> tensor<2x4x1xf32>
  %sum = linalg.generic {indexing_maps = [#whole, #row], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%power : tensor<2x4x4xf32>) outs(%none : tensor<2x4x1xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %out : f32
    linalg.yield %0 : f32
  } -> tensor<2x4x1xf32>
  %softmax = linalg.generic {indexing_maps = [#whole, #row, #whole], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%power, %sum : tensor<2x4x4xf32>, tensor<2x4x1xf32>) outs(%square : tensor<2x4x4xf32>) {
  ^bb0(%in: f32, %s: f32, %out: f32):
    %0 = arith.divf %in, %s : f32
    linalg.yield %0 : f32
  } -> tensor<2x4x4xf32>
  %wide = tensor.empty() : tensor<2x4x8xf32>
  %start = linalg.fill ins(%zero : f32) outs(%wide : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %out = linalg.batch_matmul ins(%softmax, %v : tensor<2x4x4xf32>, tensor<2x4x8xf32>) outs(%start : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %out : tensor<2x4x8xf32>
}

// -----

// Layer norm of a sum, and a residual sum with its result: a matrix product
// reads the result through another factor. What enters the function, what
// leaves it and what the product reads are observed.

// CHECK-LABEL: func @layer_norm
func.func @layer_norm(%a: tensor<4x8xf32>, %b: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK: qfmt.observe %{{.*}} "argument.1"
  // CHECK: qfmt.observe %{{.*}} "argument.0"
  // CHECK: %[[A:.*]] = linalg.add
  // CHECK-NEXT: %[[X:.*]] = qfmt.observe %[[A]] "add.0"
  // CHECK-NOT: qfmt.observe
  // CHECK: linalg.reduce ins(%[[X]]
  // CHECK-NOT: qfmt.observe
  // CHECK: linalg.rsqrt
  // CHECK-NOT: qfmt.observe
  // CHECK: %[[B:.*]] = linalg.add
  // CHECK-NEXT: %[[Y:.*]] = qfmt.observe %[[B]] "add.1"
  // CHECK-NEXT: %[[F:.*]] = linalg.mul ins(%[[Y]],
  // CHECK-NEXT: %[[Z:.*]] = qfmt.observe %[[F]] "mul.0"
  // CHECK-NEXT: %[[M:.*]] = linalg.matmul ins(%[[Z]],
  // CHECK-NEXT: %[[R:.*]] = linalg.add ins(%[[Y]], %[[M]]
  // CHECK-NEXT: qfmt.observe %[[R]] "add.2"
  %zero = arith.constant 0.0 : f32
  %init = arith.constant dense<0.0> : tensor<4x8xf32>
  %w = arith.constant dense<1.0> : tensor<8x8xf32>
  %gamma = arith.constant dense<1.5> : tensor<4x8xf32>
  %beta = arith.constant dense<0.5> : tensor<4x8xf32>
  %factors = arith.constant dense<0.25> : tensor<4x8xf32>
  %count = arith.constant dense<8.0> : tensor<4xf32>
  %whole = tensor.empty() : tensor<4x8xf32>
  %row = tensor.empty() : tensor<4xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%row : tensor<4xf32>) -> tensor<4xf32>
  %x = linalg.add ins(%a, %b : tensor<4x8xf32>, tensor<4x8xf32>) outs(%whole : tensor<4x8xf32>) -> tensor<4x8xf32>
  %sum = linalg.reduce ins(%x : tensor<4x8xf32>) outs(%zeros : tensor<4xf32>) dimensions = [1]
    (%in: f32, %out: f32) {
      %0 = arith.addf %in, %out : f32
      linalg.yield %0 : f32
    }
  %mean = linalg.div ins(%sum, %count : tensor<4xf32>, tensor<4xf32>) outs(%row : tensor<4xf32>) -> tensor<4xf32>
  %means = linalg.broadcast ins(%mean : tensor<4xf32>) outs(%whole : tensor<4x8xf32>) dimensions = [1]
  %centered = linalg.sub ins(%x, %means : tensor<4x8xf32>, tensor<4x8xf32>) outs(%whole : tensor<4x8xf32>) -> tensor<4x8xf32>
  %squares = linalg.mul ins(%centered, %centered : tensor<4x8xf32>, tensor<4x8xf32>) outs(%whole : tensor<4x8xf32>) -> tensor<4x8xf32>
  %variance = linalg.reduce ins(%squares : tensor<4x8xf32>) outs(%zeros : tensor<4xf32>) dimensions = [1]
    (%in: f32, %out: f32) {
      %0 = arith.addf %in, %out : f32
      linalg.yield %0 : f32
    }
  %inverse = linalg.rsqrt ins(%variance : tensor<4xf32>) outs(%row : tensor<4xf32>) -> tensor<4xf32>
  %inverses = linalg.broadcast ins(%inverse : tensor<4xf32>) outs(%whole : tensor<4x8xf32>) dimensions = [1]
  %norm = linalg.mul ins(%centered, %inverses : tensor<4x8xf32>, tensor<4x8xf32>) outs(%whole : tensor<4x8xf32>) -> tensor<4x8xf32>
  %stretched = linalg.mul ins(%norm, %gamma : tensor<4x8xf32>, tensor<4x8xf32>) outs(%whole : tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = linalg.add ins(%stretched, %beta : tensor<4x8xf32>, tensor<4x8xf32>) outs(%whole : tensor<4x8xf32>) -> tensor<4x8xf32>
  %z = linalg.mul ins(%y, %factors : tensor<4x8xf32>, tensor<4x8xf32>) outs(%whole : tensor<4x8xf32>) -> tensor<4x8xf32>
  %m = linalg.matmul ins(%z, %w : tensor<4x8xf32>, tensor<8x8xf32>) outs(%init : tensor<4x8xf32>) -> tensor<4x8xf32>
  %r = linalg.add ins(%y, %m : tensor<4x8xf32>, tensor<4x8xf32>) outs(%whole : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %r : tensor<4x8xf32>
}

// -----

// GELU, 0.5 x (1 + erf(x / sqrt(2))): one operand, read twice, and the result.

// CHECK-LABEL: func @gelu
func.func @gelu(%a: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK: linalg.matmul
  // CHECK-NEXT: %[[X:.*]] = qfmt.observe %{{.*}} "matmul.0"
  // CHECK-NEXT: linalg.div ins(%[[X]],
  // CHECK-NEXT: linalg.erf
  // CHECK-NEXT: linalg.add
  // CHECK-NEXT: linalg.mul ins(%[[X]],
  // CHECK-NEXT: %[[G:.*]] = linalg.mul
  // CHECK-NEXT: qfmt.observe %[[G]] "mul.0"
  // CHECK-NEXT: linalg.matmul
  // CHECK-NEXT: qfmt.observe %{{.*}} "matmul.1"
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %root = arith.constant dense<1.41421354> : tensor<1x2xf32>
  %one = arith.constant dense<1.0> : tensor<1x2xf32>
  %half = arith.constant dense<0.5> : tensor<1x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %x = linalg.matmul ins(%a, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %0 = linalg.div ins(%x, %root : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = linalg.erf ins(%0 : tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %2 = linalg.add ins(%1, %one : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %3 = linalg.mul ins(%x, %2 : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %4 = linalg.mul ins(%3, %half : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %y = linalg.matmul ins(%4, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// -----

// The other GELU, 0.5 x (1 + tanh(c (x + d x^3))): the sum of x and a function of
// x is inside, too. A bias is no reader that x could be rounded for, but tanh is.

// CHECK-LABEL: func @gelu_tanh
func.func @gelu_tanh(%a: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK: linalg.matmul
  // CHECK-NEXT: linalg.add
  // CHECK-NEXT: %[[X:.*]] = qfmt.observe %{{.*}} "add.0"
  // CHECK-NEXT: linalg.mul ins(%[[X]], %[[X]]
  // CHECK-NEXT: linalg.mul
  // CHECK-NEXT: linalg.mul
  // CHECK-NEXT: linalg.add ins(%[[X]],
  // CHECK-NEXT: linalg.mul
  // CHECK-NEXT: linalg.tanh
  // CHECK-NEXT: linalg.add
  // CHECK-NEXT: linalg.mul ins(%[[X]],
  // CHECK-NEXT: %[[G:.*]] = linalg.mul
  // CHECK-NEXT: qfmt.observe %[[G]] "mul.0"
  // CHECK-NEXT: return
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %c = arith.constant dense<0.797884583> : tensor<1x2xf32>
  %d = arith.constant dense<4.471500e-02> : tensor<1x2xf32>
  %one = arith.constant dense<1.0> : tensor<1x2xf32>
  %half = arith.constant dense<0.5> : tensor<1x2xf32>
  %zeros = arith.constant dense<0.0> : tensor<1x2xf32>
  %p = linalg.matmul ins(%a, %w : tensor<1x2xf32>, tensor<2x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %x = linalg.add ins(%p, %one : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %0 = linalg.mul ins(%x, %x : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %1 = linalg.mul ins(%0, %x : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %2 = linalg.mul ins(%1, %d : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %3 = linalg.add ins(%x, %2 : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %4 = linalg.mul ins(%3, %c : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %5 = linalg.tanh ins(%4 : tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %6 = linalg.add ins(%5, %one : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %7 = linalg.mul ins(%x, %6 : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  %8 = linalg.mul ins(%7, %half : tensor<1x2xf32>, tensor<1x2xf32>) outs(%zeros : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %8 : tensor<1x2xf32>
}

// -----

// A sum of rows that is not read broadcast is no step of a function: what is
// averaged is observed, and the mean.

// CHECK-LABEL: func @pooled
func.func @pooled(%x: tensor<4x8xf32>) -> tensor<4xf32> {
  // CHECK: qfmt.observe %{{.*}} "argument.0"
  // CHECK: %[[E:.*]] = linalg.exp
  // CHECK-NEXT: %[[Y:.*]] = qfmt.observe %[[E]] "exp.0"
  // CHECK-NEXT: linalg.reduce ins(%[[Y]]
  // CHECK-NOT: qfmt.observe
  // CHECK: %[[M:.*]] = linalg.div
  // CHECK-NEXT: qfmt.observe %[[M]] "div.0"
  %count = arith.constant dense<8.0> : tensor<4xf32>
  %zeros = arith.constant dense<0.0> : tensor<4xf32>
  %whole = tensor.empty() : tensor<4x8xf32>
  %y = linalg.exp ins(%x : tensor<4x8xf32>) outs(%whole : tensor<4x8xf32>) -> tensor<4x8xf32>
  %sum = linalg.reduce ins(%y : tensor<4x8xf32>) outs(%zeros : tensor<4xf32>) dimensions = [1]
    (%in: f32, %out: f32) {
      %0 = arith.addf %in, %out : f32
      linalg.yield %0 : f32
    }
  %mean = linalg.div ins(%sum, %count : tensor<4xf32>, tensor<4xf32>) outs(%zeros : tensor<4xf32>) -> tensor<4xf32>
  return %mean : tensor<4xf32>
}
