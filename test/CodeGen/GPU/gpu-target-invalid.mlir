// What qfmt-set-gpu-target refuses is refused where it is written down, too; LLVM would crash, or make code for another chip.
// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -qfmt-attach-gpu-target
// RUN: not qfmt-opt %s -split-input-file 2>&1 | FileCheck %s --implicit-check-not="see current operation"

// CHECK: error: '' is no chip of the runtime 'cuda'
// expected-error @+1 {{'' is no chip of the runtime 'cuda'; the nearest are}}
module attributes {qfmt_gpu.target = {chip = "", runtime = "cuda"}} {}

// -----

// expected-error @+1 {{'sm_77' is no chip of the runtime 'sim'; the nearest are sm_70, sm_72, sm_75}}
module attributes {qfmt_gpu.target = {chip = "sm_77", runtime = "sim"}} {}

// -----

// expected-error @+1 {{'foo' is no chip of the runtime 'rocm'; the nearest are gfx}}
module attributes {qfmt_gpu.target = {chip = "foo", runtime = "rocm"}} {}

// -----

// expected-error @+1 {{'sm_35' is too old: kernels need sm_50 or newer}}
module attributes {qfmt_gpu.target = {chip = "sm_35", runtime = "cuda"}} {}

// -----

// expected-error @+1 {{qfmt_gpu.target needs a chip and a runtime, which is cuda, sim, vulkan or rocm, found {chip = "sm_90", runtime = "metal"}; qfmt-set-gpu-target writes it}}
module attributes {qfmt_gpu.target = {chip = "sm_90", runtime = "metal"}} {}

// -----

// expected-error @+1 {{qfmt_gpu.target needs a chip and a runtime, which is cuda, sim, vulkan or rocm, found {runtime = "cuda"}; qfmt-set-gpu-target writes it}}
module attributes {qfmt_gpu.target = {runtime = "cuda"}} {}

// -----

// expected-error @+1 {{qfmt_gpu.target needs a chip and a runtime, which is cuda, sim, vulkan or rocm, found "sm_90"; qfmt-set-gpu-target writes it}}
module attributes {qfmt_gpu.target = "sm_90"} {}

// -----

// expected-error @+1 {{the attribute "qfmt_gpu.chip" of 'builtin.module' means nothing; qfmt_gpu.target of a module does}}
module attributes {qfmt_gpu.chip = "sm_90"} {}

// -----

// expected-error @+1 {{the attribute "qfmt_gpu.target" of 'func.func' means nothing; qfmt_gpu.target of a module does}}
func.func private @f() attributes {qfmt_gpu.target = {chip = "sm_90", runtime = "cuda"}}
