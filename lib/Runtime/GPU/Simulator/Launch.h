//===- Launch.h - Running a grid --------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_LAUNCH_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_LAUNCH_H

#include "LaunchSize.h"
#include <cstdint>
#include <optional>

namespace mlir::qfmt::sim {

struct Kernel;

/// Runs all CTAs, unless sizes are wrong. `numParameters` is checked where it
/// is known.
void launch(const Kernel *kernel, const ::qfmt::gpu::LaunchSize &size,
            int64_t dynamicSharedBytes, void **parameters,
            std::optional<int64_t> numParameters);

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_LAUNCH_H
