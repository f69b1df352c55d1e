// RUN: qfmt-opt %s --qfmt-lookup-to-memory --split-input-file --verify-diagnostics

func.func @more_than_64_bits(%i: i8) -> i128 {
  // expected-error @+1 {{'qfmt.lookup' op has a table that cannot be read, of type 'tensor<2xi128>'; use a dense table of integers or floats of at most 64 bits}}
  %0 = qfmt.lookup %i in dense<[1, 200000000000000000000]> : tensor<2xi128> : i8 to i128
  return %0 : i128
}

// -----

func.func @complex(%i: i8) -> complex<f32> {
  // expected-error @+1 {{'qfmt.lookup' op has a table that cannot be read, of type 'tensor<2xcomplex<f32>>'}}
  %0 = qfmt.lookup %i in dense<[(1.0, 2.0), (2.0, 3.0)]> : tensor<2xcomplex<f32>> : i8 to complex<f32>
  return %0 : complex<f32>
}
