// RUN: qfmt-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(gpu.module(qfmt-kernel-math))'

gpu.module @kernels {
  gpu.func @wide(%x: f64, %out: memref<f64>) kernel {
    // expected-error @+1 {{on 'f64' has no implementation for GPUs; compute it in f32, or let qfmt-expand-math write it out}}
    %0 = math.exp %x : f64
    memref.store %0, %out[] : memref<f64>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @whole(%x: i32, %out: memref<i32>) kernel {
    // expected-error @+1 {{on 'i32' has no implementation for GPUs; write it in operations of arith}}
    %0 = math.ipowi %x, %x : i32
    memref.store %0, %out[] : memref<i32>
    gpu.return
  }
}
