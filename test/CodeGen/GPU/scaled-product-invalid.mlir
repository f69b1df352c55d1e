// RUN: qfmt-opt %s --split-input-file --verify-diagnostics -o /dev/null

func.func @bits(%x: tensor<2x1x16xi8>, %c: tensor<1x1x32x4xi32>, %o: tensor<2x3xi32>) -> tensor<2x3xi32> {
  // expected-error@+1 {{has codes of 2, 4 or 8 bits, found 3}}
  %r = qfmt_gpu.scaled_product %x * %c bits 3 into %o {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : tensor<2x1x16xi8>, tensor<1x1x32x4xi32>, tensor<2x3xi32> -> tensor<2x3xi32>
  return %r : tensor<2x3xi32>
}

// -----

func.func @table(%x: tensor<2x1x16xi8>, %c: tensor<1x1x32x4xi32>, %o: tensor<2x3xi32>) -> tensor<2x3xi32> {
  // expected-error@+1 {{needs a table of integers of 8 bits}}
  %r = qfmt_gpu.scaled_product %x * %c bits 4 table [0.5] into %o {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : tensor<2x1x16xi8>, tensor<1x1x32x4xi32>, tensor<2x3xi32> -> tensor<2x3xi32>
  return %r : tensor<2x3xi32>
}

// -----

func.func @terms(%x: tensor<2x1x8xi8>, %c: tensor<1x1x32x4xi32>, %o: tensor<2x3xi32>) -> tensor<2x3xi32> {
  // expected-error@+1 {{needs rows of groups of a multiple of 16 terms, found 'tensor<2x1x8xi8>'}}
  %r = qfmt_gpu.scaled_product %x * %c bits 4 into %o {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : tensor<2x1x8xi8>, tensor<1x1x32x4xi32>, tensor<2x3xi32> -> tensor<2x3xi32>
  return %r : tensor<2x3xi32>
}

// -----

func.func @codes(%x: tensor<2x1x128xi8>, %c: tensor<1x1x32x4xi32>, %o: tensor<2x3xi32>) -> tensor<2x3xi32> {
  // expected-error@+1 {{needs codes of 1 strips and 2 tiles, found 'tensor<1x1x32x4xi32>'}}
  %r = qfmt_gpu.scaled_product %x * %c bits 4 into %o {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : tensor<2x1x128xi8>, tensor<1x1x32x4xi32>, tensor<2x3xi32> -> tensor<2x3xi32>
  return %r : tensor<2x3xi32>
}

// -----

func.func @scales(%x: tensor<2x1x16xi8>, %c: tensor<1x1x32x4xi32>, %s: tensor<1x2x16xf32>, %o: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // expected-error@+1 {{needs scales of 1 strips and 1 groups, found 'tensor<1x2x16xf32>'}}
  %r = qfmt_gpu.scaled_product %x * %c bits 4 scales %s : tensor<1x2x16xf32> into %o {
  ^bb0(%sum: f32):
    qfmt_gpu.yield %sum : f32
  } : tensor<2x1x16xi8>, tensor<1x1x32x4xi32>, tensor<2x3xf32> -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// -----

func.func @sum(%x: tensor<2x1x16xf16>, %c: tensor<1x1x32x4xi32>, %o: tensor<2x3xi32>) -> tensor<2x3xi32> {
  // expected-error@+1 {{has sums of f32, found 'i32'}}
  %r = qfmt_gpu.scaled_product %x * %c bits 4 into %o {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : tensor<2x1x16xf16>, tensor<1x1x32x4xi32>, tensor<2x3xi32> -> tensor<2x3xi32>
  return %r : tensor<2x3xi32>
}

// -----

func.func @no_rows(%x: tensor<0x1x16xi8>, %c: tensor<1x1x32x4xi32>, %o: tensor<0x3xi32>) -> tensor<0x3xi32> {
  // expected-error@+1 {{needs operands with elements, found 'tensor<0x1x16xi8>'}}
  %r = qfmt_gpu.scaled_product %x * %c bits 4 into %o {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : tensor<0x1x16xi8>, tensor<1x1x32x4xi32>, tensor<0x3xi32> -> tensor<0x3xi32>
  return %r : tensor<0x3xi32>
}

// -----

func.func @no_groups(%x: tensor<2x0x16xi8>, %c: tensor<1x0x32x4xi32>, %o: tensor<2x3xi32>) -> tensor<2x3xi32> {
  // expected-error@+1 {{needs operands with elements, found 'tensor<2x0x16xi8>'}}
  %r = qfmt_gpu.scaled_product %x * %c bits 4 into %o {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : tensor<2x0x16xi8>, tensor<1x0x32x4xi32>, tensor<2x3xi32> -> tensor<2x3xi32>
  return %r : tensor<2x3xi32>
}

// -----

func.func @no_columns(%x: tensor<2x1x16xi8>, %c: tensor<0x1x32x4xi32>, %o: tensor<2x0xi32>) -> tensor<2x0xi32> {
  // expected-error@+1 {{needs operands with elements, found 'tensor<0x1x32x4xi32>'}}
  %r = qfmt_gpu.scaled_product %x * %c bits 4 into %o {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : tensor<2x1x16xi8>, tensor<0x1x32x4xi32>, tensor<2x0xi32> -> tensor<2x0xi32>
  return %r : tensor<2x0xi32>
}
