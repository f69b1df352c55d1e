// Compiled code equals the reference bit for bit, at sizes that fill vectors and blocks badly.

// RUN: %npy make %t.x.npy '<f4' 1x3x15x15 0.5 -1.25 3.1 0.7 -2.9 8.3 -0.01 1e6 -7.7 2.2 0.3
// RUN: %npy make %t.w.npy '<f4' 10x3x3x3 1.1 -0.3 0.25 2.7 -1.9 0.6 -0.8
// RUN: qfmt-run %s --entry=conv --inputs=%t.x.npy,%t.w.npy --outputs=%t.y.npy
// RUN: qfmt-run %s --entry=conv --inputs=%t.x.npy,%t.w.npy --outputs=%t.r.npy --engine=reference
// RUN: cmp %t.y.npy %t.r.npy
// RUN: qfmt-run %s --entry=strided --inputs=%t.x.npy,%t.w.npy --outputs=%t.y.npy
// RUN: qfmt-run %s --entry=strided --inputs=%t.x.npy,%t.w.npy --outputs=%t.r.npy --engine=reference
// RUN: cmp %t.y.npy %t.r.npy
// RUN: qfmt-run %s --entry=max_pool --inputs=%t.x.npy --outputs=%t.y.npy
// RUN: qfmt-run %s --entry=max_pool --inputs=%t.x.npy --outputs=%t.r.npy --engine=reference
// RUN: cmp %t.y.npy %t.r.npy
// RUN: qfmt-run %s --entry=mean --inputs=%t.x.npy --outputs=%t.y.npy
// RUN: qfmt-run %s --entry=mean --inputs=%t.x.npy --outputs=%t.r.npy --engine=reference
// RUN: cmp %t.y.npy %t.r.npy

// RUN: %npy make %t.q.npy '|i1' 1x12x15x15 1 -128 127 55 -77 13 0 -1 99 -100 31
// RUN: %npy make %t.k.npy '|i1' 12x3x3 -128 127 3 -4 5 -6 77
// RUN: qfmt-run %s --entry=depthwise --inputs=%t.q.npy,%t.k.npy --outputs=%t.y.npy,%t.c.npy
// RUN: qfmt-run %s --entry=depthwise --inputs=%t.q.npy,%t.k.npy --outputs=%t.r.npy,%t.rc.npy --engine=reference
// RUN: cmp %t.y.npy %t.r.npy
// RUN: cmp %t.c.npy %t.rc.npy

// RUN: %npy make %t.a.npy '|i1' 9x70 1 -128 127 55 -77 13 0 -1 99 -100 31
// RUN: %npy make %t.b.npy '|i1' 70x37 -128 127 3 -4 5 -6 77
// RUN: %npy make %t.bt.npy '|i1' 37x70 -128 127 3 -4 5 -6 77
// RUN: qfmt-run %s --entry=matmul --inputs=%t.a.npy,%t.b.npy,%t.bt.npy --outputs=%t.y.npy,%t.z.npy
// RUN: qfmt-run %s --entry=matmul --inputs=%t.a.npy,%t.b.npy,%t.bt.npy --outputs=%t.ry.npy,%t.rz.npy --engine=reference
// RUN: cmp %t.y.npy %t.ry.npy
// RUN: cmp %t.z.npy %t.rz.npy

// RUN: qfmt-run %s --entry=positions --outputs=%t.y.npy
// RUN: qfmt-run %s --entry=positions --outputs=%t.r.npy --engine=reference
// RUN: cmp %t.y.npy %t.r.npy

!x = tensor<1x3x15x15xf32>
!w = tensor<10x3x3x3xf32>

// Zero padding, bias through the accumulator, relu.
func.func @conv(%x: !x, %w: !w) -> tensor<1x10x15x15xf32> {
  %zero = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : !x to tensor<1x3x17x17xf32>
  %bias = arith.constant dense<[0.5, -1.0, 2.0, 0.25, 3.0, -4.0, 1.0, 0.0, 7.0, -0.125]> : tensor<10xf32>
  %e = tensor.empty() : tensor<1x10x15x15xf32>
  %f = linalg.broadcast ins(%bias : tensor<10xf32>) outs(%e : tensor<1x10x15x15xf32>) dimensions = [0, 2, 3]
  %0 = linalg.conv_2d_nchw_fchw ins(%p, %w : tensor<1x3x17x17xf32>, !w) outs(%f : tensor<1x10x15x15xf32>) -> tensor<1x10x15x15xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<1x10x15x15xf32>) -> tensor<1x10x15x15xf32>
  %1 = linalg.max ins(%0, %z : tensor<1x10x15x15xf32>, tensor<1x10x15x15xf32>) outs(%e : tensor<1x10x15x15xf32>) -> tensor<1x10x15x15xf32>
  return %1 : tensor<1x10x15x15xf32>
}

func.func @strided(%x: !x, %w: !w) -> tensor<1x10x6x6xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x10x6x6xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x10x6x6xf32>) -> tensor<1x10x6x6xf32>
  %0 = linalg.conv_2d_nchw_fchw {strides = dense<2> : tensor<2xi64>, dilations = dense<2> : tensor<2xi64>}
      ins(%x, %w : !x, !w) outs(%f : tensor<1x10x6x6xf32>) -> tensor<1x10x6x6xf32>
  return %0 : tensor<1x10x6x6xf32>
}

func.func @max_pool(%x: !x) -> tensor<1x3x7x7xf32> {
  %low = arith.constant 0xFF800000 : f32
  %e = tensor.empty() : tensor<1x3x7x7xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %f = linalg.fill ins(%low : f32) outs(%e : tensor<1x3x7x7xf32>) -> tensor<1x3x7x7xf32>
  %0 = linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %window : !x, tensor<2x2xf32>) outs(%f : tensor<1x3x7x7xf32>) -> tensor<1x3x7x7xf32>
  return %0 : tensor<1x3x7x7xf32>
}

func.func @mean(%x: !x) -> tensor<1x3xf32> {
  %zero = arith.constant 0.0 : f32
  %count = arith.constant 225.0 : f32
  %e = tensor.empty() : tensor<1x3xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x3xf32>) -> tensor<1x3xf32>
  %0 = linalg.reduce ins(%x : !x) outs(%f : tensor<1x3xf32>) dimensions = [2, 3] (%a: f32, %b: f32) {
    %2 = arith.addf %b, %a : f32
    linalg.yield %2 : f32
  }
  %1 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<1x3xf32>) outs(%e : tensor<1x3xf32>) {
  ^bb0(%a: f32, %b: f32):
    %2 = arith.divf %a, %count : f32
    linalg.yield %2 : f32
  } -> tensor<1x3xf32>
  return %1 : tensor<1x3xf32>
}

// The accumulators, and the codes that a scale for each channel makes of them.
func.func @depthwise(%x: tensor<1x12x15x15xi8>, %w: tensor<12x3x3xi8>) -> (tensor<1x12x13x13xi32>, tensor<1x12x13x13xi8>) {
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<1x12x13x13xi32>
  %f = linalg.fill ins(%zero : i32) outs(%e : tensor<1x12x13x13xi32>) -> tensor<1x12x13x13xi32>
  %0 = linalg.depthwise_conv_2d_nchw_chw ins(%x, %w : tensor<1x12x15x15xi8>, tensor<12x3x3xi8>)
      outs(%f : tensor<1x12x13x13xi32>) -> tensor<1x12x13x13xi32>
  %m = arith.constant dense<[1, 2147483647, 3, 1000000007, 5, 6, 1234567, 8, 99, 10, 11, 12]> : tensor<12xi32>
  %n = arith.constant dense<[10, 42, 12, 43, 11, 12, 33, 0, 20, 11, 62, 9]> : tensor<12xi32>
  %codes = tensor.empty() : tensor<1x12x13x13xi8>
  %1 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>,
                                        affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%0, %m, %n : tensor<1x12x13x13xi32>, tensor<12xi32>, tensor<12xi32>) outs(%codes : tensor<1x12x13x13xi8>) {
  ^bb0(%a: i32, %b: i32, %c: i32, %o: i8):
    %2 = qfmt.dyadic_scale %a, %b, %c : i32, i32, i32 to i8
    linalg.yield %2 : i8
  } -> tensor<1x12x13x13xi8>
  return %0, %1 : tensor<1x12x13x13xi32>, tensor<1x12x13x13xi8>
}

// A product, and one with a transposed matrix.
func.func @matmul(%a: tensor<9x70xi8>, %b: tensor<70x37xi8>, %bt: tensor<37x70xi8>) -> (tensor<9x37xi32>, tensor<9x37xi32>) {
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : tensor<9x37xi32>
  %f = linalg.fill ins(%zero : i32) outs(%e : tensor<9x37xi32>) -> tensor<9x37xi32>
  %0 = linalg.matmul ins(%a, %b : tensor<9x70xi8>, tensor<70x37xi8>) outs(%f : tensor<9x37xi32>) -> tensor<9x37xi32>
  %1 = linalg.matmul indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (j, k)>, affine_map<(i, j, k) -> (i, j)>]
      ins(%a, %bt : tensor<9x70xi8>, tensor<37x70xi8>) outs(%f : tensor<9x37xi32>) -> tensor<9x37xi32>
  return %0, %1 : tensor<9x37xi32>, tensor<9x37xi32>
}

// linalg.index of the vector's loop and of another.
func.func @positions() -> tensor<5x21xi64> {
  %e = tensor.empty() : tensor<5x21xi64>
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      outs(%e : tensor<5x21xi64>) {
  ^bb0(%o: i64):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %c = arith.constant 100 : index
    %1 = arith.muli %i, %c : index
    %2 = arith.addi %1, %j : index
    %3 = arith.index_cast %2 : index to i64
    linalg.yield %3 : i64
  } -> tensor<5x21xi64>
  return %0 : tensor<5x21xi64>
}
