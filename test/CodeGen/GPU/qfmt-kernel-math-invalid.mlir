// RUN: qfmt-opt %s --verify-diagnostics --pass-pipeline='builtin.module(gpu.module(qfmt-kernel-math))'

gpu.module @kernels {
  gpu.func @wide(%x: f64, %out: memref<f64>) kernel {
    // expected-error @+1 {{on 'f64' has no implementation for GPUs; compute it in f32, or let qfmt-expand-math write it out}}
    %0 = math.exp %x : f64
    memref.store %0, %out[] : memref<f64>
    gpu.return
  }
}
