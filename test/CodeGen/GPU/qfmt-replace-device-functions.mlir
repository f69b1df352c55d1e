// RUN: qfmt-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(gpu.module(qfmt-replace-device-functions))' | FileCheck %s

// CHECK: gpu.module @remainder
// CHECK-NOT: llvm.func @__ocml
// CHECK: %[[R:.*]] = llvm.frem %arg0, %arg1 : f32
// CHECK: llvm.return %[[R]]
gpu.module @remainder {
  llvm.func @__ocml_fmod_f32(f32, f32) -> f32
  llvm.func @kernel(%x: f32, %y: f32) -> f32 {
    %0 = llvm.call @__ocml_fmod_f32(%x, %y) : (f32, f32) -> f32
    llvm.return %0 : f32
  }
}

// -----

gpu.module @others {
  llvm.func @__ockl_get_num_groups(i32) -> i64
  llvm.func @kernel(%x: i32) -> i64 {
    // expected-error @+1 {{calls '__ockl_get_num_groups', and kernels for AMD's chips are made without device libraries; compute it in other operations}}
    %0 = llvm.call @__ockl_get_num_groups(%x) : (i32) -> i64
    llvm.return %0 : i64
  }
}
