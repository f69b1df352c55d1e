// RUN: qfmt-opt %s --qfmt-set-gpu-target | FileCheck %s --check-prefix=USUAL
// RUN: qfmt-opt %s --qfmt-set-gpu-target="runtime=sim chip=sm_90a" | FileCheck %s --check-prefix=SIM
// RUN: qfmt-opt %s --qfmt-set-gpu-target=runtime=vulkan | FileCheck %s --check-prefix=VULKAN
// RUN: qfmt-opt %s --qfmt-set-gpu-target=runtime=rocm | FileCheck %s --check-prefix=ROCM

// USUAL: qfmt_gpu.target = {chip = "sm_90", runtime = "cuda"}
// SIM: qfmt_gpu.target = {chip = "sm_90a", runtime = "sim"}
// VULKAN: qfmt_gpu.target = {chip = "vulkan1.1", runtime = "vulkan"}
// ROCM: qfmt_gpu.target = {chip = "gfx942", runtime = "rocm"}

// RUN: not qfmt-opt %s --qfmt-set-gpu-target=chip=sm_91 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not qfmt-opt %s --qfmt-lower-to-gpu=chip=gfx942 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: not qfmt-opt %s --qfmt-set-gpu-target=chip=sm_35 2>&1 | FileCheck %s --check-prefix=OLD
// RUN: not qfmt-opt %s --qfmt-set-gpu-target="runtime=vulkan chip=sm_90" 2>&1 | FileCheck %s --check-prefix=VERSION

// RUN: not qfmt-opt %s --qfmt-set-gpu-target=chip=sm_49 2>&1 | FileCheck %s --check-prefix=NEAREST
// NEAREST: error: 'sm_49' is no chip of the runtime 'cuda'; the nearest are sm_{{[5-9].|1..}}{{[af]?}}, sm_{{[5-9].|1..}}{{[af]?}}, sm_{{[5-9].|1..}}

// Of AMD's chips those that MLIR knows, too; it has none for all of gfx11.
// RUN: not qfmt-opt %s --qfmt-set-gpu-target="runtime=rocm chip=gfx11-generic" 2>&1 | FileCheck %s --check-prefix=GENERIC --implicit-check-not=generic,
// GENERIC: error: 'gfx11-generic' is no chip of the runtime 'rocm'; the nearest are gfx{{[0-9a-f]+}}, gfx{{[0-9a-f]+}}, gfx{{[0-9a-f]+$}}

// UNKNOWN: error: 'sm_91' is no chip of the runtime 'cuda'; the nearest are sm_{{.*}}, sm_{{.*}}, sm_
// OTHER: error: 'gfx942' is no chip of the runtime 'cuda'; the nearest are sm_
// OLD: error: 'sm_35' is too old: kernels need sm_50 or newer
// VERSION: error: 'sm_90' is no chip of the runtime 'vulkan'; the nearest are vulkan1.1, vulkan1.3
module {}
