// RUN: qfmt-opt %s -split-input-file -verify-diagnostics

func.func @columns(%x: memref<16x64xi8>, %w: memref<30x64xi8>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{has 32 columns, but its right factor 30}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xi8>, memref<30x64xi8>, memref<16x32xi32>
  return
}

// -----

func.func @rows(%x: memref<17x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{has 16 rows, but its left factor 17}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<17x64xi8>, memref<32x64xi8>, memref<16x32xi32>
  return
}

// -----

func.func @terms(%x: memref<16x65xi8>, %w: memref<32x64xi8>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{has 65 terms, but its right factor only 64}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x65xi8>, memref<32x64xi8>, memref<16x32xi32>
  return
}

// -----

func.func @unknown_columns(%x: memref<16x64xi8>, %w: memref<?x64xi8>, %out: memref<16x?xi32>) {
  // expected-error @+1 {{needs to know its columns and terms}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xi8>, memref<?x64xi8>, memref<16x?xi32>
  return
}

// -----

func.func @both(%x: memref<16x64xi8>, %w: tensor<32x64xi8>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{works on tensors or on buffers, found both}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xi8>, tensor<32x64xi8>, memref<16x32xi32>
  return
}

// -----

func.func @extra_size(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %b: memref<31xi32>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{needs 32 elements of extra operand 0, found 'memref<31xi32>'}}
  qfmt_gpu.product %x * %w with %b : memref<31xi32> maps [affine_map<(m, n) -> (n)>] into %out {
  ^bb0(%s: i32, %c: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xi32>
  return
}

// -----

func.func @extra_map(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %b: memref<64xi32>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{which does not give m, n or 0 for each of its dimensions}}
  qfmt_gpu.product %x * %w with %b : memref<64xi32> maps [affine_map<(m, n) -> (m + n)>] into %out {
  ^bb0(%s: i32, %c: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xi32>
  return
}

// -----

func.func @arguments(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{needs a body with an argument for the sum and one for each of 0 extra operands, found 2}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32, %c: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xi32>
  return
}

// -----

func.func @yields(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xi8>) {
  // expected-error @+1 {{needs a body that yields an element of 'memref<16x32xi8>'}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xi8>
  return
}

// -----

func.func @sums(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xi64>) {
  // expected-error @+1 {{has sums of i32, found 'i64'}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i64):
    qfmt_gpu.yield %s : i64
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xi64>
  return
}

// -----

func.func @float_sums(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xf32>) {
  // expected-error @+1 {{has sums of i32, found 'f32'}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: f32):
    qfmt_gpu.yield %s : f32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xf32>
  return
}

// -----

func.func @float_factors(%x: memref<16x64xf16>, %w: memref<32x64xf16>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{needs factors of i8, or with batches of i16, found 'f16' and 'f16'}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xf16>, memref<32x64xf16>, memref<16x32xi32>
  return
}

// -----

func.func @factors_with_signs(%x: memref<16x64xui8>, %w: memref<32x64xi8>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{needs factors of i8, or with batches of i16, found 'ui8' and 'i8'}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xui8>, memref<32x64xi8>, memref<16x32xi32>
  return
}

// -----

func.func @wide_sums(%x: memref<32x64xi16>, %y: memref<2x32x64xi16>, %out: memref<32x32xf32>) {
  // expected-error @+1 {{has sums of i32 or i64, found 'f32'}}
  qfmt_gpu.product %x * %y into %out {
  ^bb0(%s: f32):
    qfmt_gpu.yield %s : f32
  } : memref<32x64xi16>, memref<2x32x64xi16>, memref<32x32xf32>
  return
}

// -----

func.func @runs(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{has 64 terms, which are not 3 runs}}
  qfmt_gpu.product %x * %w rows affine_map<(m, r, k) -> (m, r * 21 + k)> runs 3 into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xi32>
  return
}

// -----

func.func @mixed_rows(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{which is no sum of places of m and of r and, in the last dimension, k}}
  qfmt_gpu.product %x * %w rows affine_map<(m, r, k) -> ((m + r) floordiv 2, r * 16 + k)> runs 4 into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xi32>
  return
}

// -----

func.func @run_terms(%x: memref<16x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{has runs of 17 terms, but the right factor has room for 1 to 16}}
  qfmt_gpu.product %x * %w rows affine_map<(m, r, k) -> (m, r * 16 + k)> runs 4 of 17 into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xi8>, memref<32x64xi8>, memref<16x32xi32>
  return
}

// -----

func.func @unknown_rows(%x: memref<?x64xi8>, %w: memref<32x64xi8>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{needs a left factor of bytes with known sizes and strides where a map says where its rows are, found 'memref<?x64xi8>'}}
  qfmt_gpu.product %x * %w rows affine_map<(m, r, k) -> (m, r * 16 + k)> runs 4 into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<?x64xi8>, memref<32x64xi8>, memref<16x32xi32>
  return
}

// -----

func.func @batch_sizes(%x: memref<32x64xi8>, %y: memref<2x33x64xi8>, %out: memref<32x32xi32>) {
  // expected-error @+1 {{has 32 columns and 64 terms, but a right factor of 'memref<2x33x64xi8>'}}
  qfmt_gpu.product %x * %y into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<32x64xi8>, memref<2x33x64xi8>, memref<32x32xi32>
  return
}

// -----

func.func @batch_rows(%x: memref<32x64xi8>, %y: memref<3x64x32xi8>, %out: memref<32x32xi32>) {
  // expected-error @+1 {{has 32 rows, 32 of its left factor, and 3 batches}}
  qfmt_gpu.product %x * %y by_terms into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<32x64xi8>, memref<3x64x32xi8>, memref<32x32xi32>
  return
}

// -----

func.func @batch_unknown(%x: memref<?x64xi8>, %y: memref<2x32x64xi8>, %out: memref<?x32xi32>) {
  // expected-error @+1 {{needs matrices of known sizes for its left factor and its result where the right factor has batches}}
  qfmt_gpu.product %x * %y into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<?x64xi8>, memref<2x32x64xi8>, memref<?x32xi32>
  return
}

// -----

func.func @batch_types(%x: memref<32x64xi8>, %y: memref<2x32x64xi16>, %out: memref<32x32xi32>) {
  // expected-error @+1 {{needs factors of i8 or of i16, found 'i8' and 'i16'}}
  qfmt_gpu.product %x * %y into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<32x64xi8>, memref<2x32x64xi16>, memref<32x32xi32>
  return
}

// -----

func.func @batch_bits(%x: memref<32x64xi8>, %y: memref<2x32x16xi8>, %out: memref<32x32xi32>) {
  // expected-error @+1 {{needs codes of 4 bits in bytes, or whole elements, found bits 2 of 'i8'}}
  qfmt_gpu.product %x * %y bits 2 into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<32x64xi8>, memref<2x32x16xi8>, memref<32x32xi32>
  return
}

// -----

func.func @batch_terms_of_few_bits(%x: memref<32x16386xi8>, %y: memref<2x32x8193xi8>, %out: memref<32x32xi32>) {
  // expected-error @+1 {{has at most 16384 terms with codes of 4 bits or sums of 64, found 16386}}
  qfmt_gpu.product %x * %y bits 4 into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<32x16386xi8>, memref<2x32x8193xi8>, memref<32x32xi32>
  return
}

// -----

func.func @batch_terms_of_wide_sums(%x: memref<32x16385xi16>, %y: memref<2x32x16385xi16>, %out: memref<32x32xi64>) {
  // expected-error @+1 {{has at most 16384 terms with codes of 4 bits or sums of 64, found 16385}}
  qfmt_gpu.product %x * %y into %out {
  ^bb0(%s: i64):
    qfmt_gpu.yield %s : i64
  } : memref<32x16385xi16>, memref<2x32x16385xi16>, memref<32x32xi64>
  return
}

// -----

// As many as there can be; sums of 32 bits of whole elements wrap, however many there are.
func.func @batch_terms(%x: memref<32x16384xi8>, %y: memref<2x32x8192xi8>, %z: memref<32x16385xi16>, %w: memref<2x32x16385xi16>, %out: memref<32x32xi32>) {
  qfmt_gpu.product %x * %y bits 4 into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<32x16384xi8>, memref<2x32x8192xi8>, memref<32x32xi32>
  qfmt_gpu.product %z * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<32x16385xi16>, memref<2x32x16385xi16>, memref<32x32xi32>
  return
}

// -----

func.func @constant_by_terms(%x: memref<32x64xi8>, %w: memref<32x64xi8>, %out: memref<32x32xi32>) {
  // expected-error @+1 {{has a constant factor, whose columns are rows of bytes}}
  qfmt_gpu.product %x * %w by_terms into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<32x64xi8>, memref<32x64xi8>, memref<32x32xi32>
  return
}

// -----

func.func @no_rows(%x: memref<0x64xi8>, %w: memref<32x64xi8>, %out: memref<0x32xi32>) {
  // expected-error @+1 {{needs operands with elements, found 'memref<0x64xi8>'; a sum of no terms is 0, which linalg.generic can make the result from}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<0x64xi8>, memref<32x64xi8>, memref<0x32xi32>
  return
}

// -----

func.func @no_columns(%x: memref<16x64xi8>, %w: memref<0x64xi8>, %out: memref<16x0xi32>) {
  // expected-error @+1 {{needs operands with elements, found 'memref<0x64xi8>'; a sum of no terms is 0, which linalg.generic can make the result from}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x64xi8>, memref<0x64xi8>, memref<16x0xi32>
  return
}

// -----

func.func @no_terms(%x: memref<16x0xi8>, %w: memref<32x0xi8>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{needs operands with elements, found 'memref<16x0xi8>'; a sum of no terms is 0, which linalg.generic can make the result from}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x0xi8>, memref<32x0xi8>, memref<16x32xi32>
  return
}

// -----

func.func @no_terms_but_room(%x: memref<16x0xi8>, %w: memref<32x64xi8>, %out: memref<16x32xi32>) {
  // expected-error @+1 {{needs operands with elements, found 'memref<16x0xi8>'; a sum of no terms is 0, which linalg.generic can make the result from}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<16x0xi8>, memref<32x64xi8>, memref<16x32xi32>
  return
}

// -----

func.func @batches_of_no_rows(%x: memref<0x32xi8>, %w: memref<2x32x16xi8>, %out: memref<0x16xi32>) {
  // expected-error @+1 {{needs operands with elements, found 'memref<0x32xi8>'; a sum of no terms is 0, which linalg.generic can make the result from}}
  qfmt_gpu.product %x * %w by_terms into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<0x32xi8>, memref<2x32x16xi8>, memref<0x16xi32>
  return
}

// -----

func.func @batches_of_no_terms(%x: memref<6x0xi8>, %w: memref<2x0x16xi8>, %out: memref<6x16xi32>) {
  // expected-error @+1 {{needs operands with elements, found 'memref<6x0xi8>'; a sum of no terms is 0, which linalg.generic can make the result from}}
  qfmt_gpu.product %x * %w by_terms into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<6x0xi8>, memref<2x0x16xi8>, memref<6x16xi32>
  return
}

// -----

func.func @batches_of_no_columns(%x: memref<6x32xi8>, %w: memref<2x0x32xi8>, %out: memref<6x0xi32>) {
  // expected-error @+1 {{needs operands with elements, found 'memref<2x0x32xi8>'; a sum of no terms is 0, which linalg.generic can make the result from}}
  qfmt_gpu.product %x * %w into %out {
  ^bb0(%s: i32):
    qfmt_gpu.yield %s : i32
  } : memref<6x32xi8>, memref<2x0x32xi8>, memref<6x0xi32>
  return
}
