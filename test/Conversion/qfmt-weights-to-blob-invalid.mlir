// RUN: qfmt-opt %s --qfmt-weights-to-blob --split-input-file --verify-diagnostics

// expected-error@+1 {{constant of element type 'i4': only i1 and elements of 8, 16, 32 or 64 bits have a layout in memory; run qfmt-widen-storage first}}
memref.global "private" constant @narrow : memref<3xi4> = dense<1>

// -----

// expected-error@+1 {{the resource 'short' has 1 bytes, expected 3}}
memref.global "private" constant @short : memref<3xi8> = dense_resource<short>

{-#
  dialect_resources: { builtin: { short: "0x0100000001" } }
#-}

// -----

// expected-error@+1 {{the symbol 'qfmt_weights' exists already; qfmt-weights-to-blob runs once}}
module {
  memref.global @qfmt_weights : memref<64xi8>
  memref.global "private" constant @w : memref<3xi8> = dense<1>
}

// -----

// expected-error@+1 {{constant of element type 'complex<f32>': only i1 and elements of 8, 16, 32 or 64 bits have a layout in memory}}
memref.global "private" constant @complex : memref<2xcomplex<f32>> = dense<(1.0, 2.0)>

// -----

// expected-error@+1 {{constant of element type 'i128': only i1 and elements of 8, 16, 32 or 64 bits have a layout in memory}}
memref.global "private" constant @wide : memref<2xi128> = dense<[1, 2]>
