// RUN: qfmt-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(gpu.module(qfmt-widen-odd-integers))'

gpu.module @kernels {
  gpu.func @zeros(%x: i8, %out: memref<i8>) kernel {
    %a = arith.trunci %x : i8 to i6
    // expected-error @+1 {{'math.ctlz' op cannot be computed in SPIR-V on 'i6'; use integers of 8, 16, 32 or 64 bits}}
    %b = math.ctlz %a : i6
    %r = arith.extui %b : i6 to i8
    memref.store %r, %out[] : memref<i8>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @buffer(%x: memref<i12>, %out: memref<i16>) kernel {
    // expected-error @+1 {{'memref.load' op cannot be computed in SPIR-V on 'memref<i12>'; use integers of 8, 16, 32 or 64 bits}}
    %a = memref.load %x[] : memref<i12>
    %r = arith.extui %a : i12 to i16
    memref.store %r, %out[] : memref<i16>
    gpu.return
  }
}
