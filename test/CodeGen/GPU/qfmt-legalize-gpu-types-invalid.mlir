// RUN: qfmt-opt %s -split-input-file -verify-diagnostics --qfmt-legalize-gpu-types

gpu.module @numbers {
  gpu.func @multiply(%x: f32, %out: memref<f32>) kernel {
    // expected-error @+1 {{computes with 'complex<f32>', of which no kernels for GPUs are made; write real and imaginary parts as numbers}}
    %0 = complex.create %x, %x : complex<f32>
    %1 = complex.mul %0, %0 : complex<f32>
    %2 = complex.im %1 : complex<f32>
    memref.store %2, %out[] : memref<f32>
    gpu.return
  }
}

// -----

gpu.module @buffers {
  gpu.func @copy(%x: memref<complex<f32>>, %out: memref<complex<f32>>) kernel {
    // expected-error @+1 {{computes with 'memref<complex<f32>>', of which no kernels for GPUs are made}}
    %0 = memref.load %x[] : memref<complex<f32>>
    memref.store %0, %out[] : memref<complex<f32>>
    gpu.return
  }
}

// -----

gpu.module @wide_floats {
  gpu.func @square(%x: f32, %out: memref<f32>) kernel {
    // expected-error @+1 {{computes with 'f128', of which no kernels for GPUs are made; use floats of at most 64 bits}}
    %0 = arith.extf %x : f32 to f128
    %1 = arith.truncf %0 : f128 to f32
    memref.store %1, %out[] : memref<f32>
    gpu.return
  }
}

// -----

gpu.module @prints {
  gpu.func @print(%x: f32) kernel {
    // expected-error @+1 {{'vector.print' op is in a kernel, and kernels for GPUs do not print; leave it out}}
    vector.print %x : f32
    gpu.return
  }
}
