//===- Error.h - Errors of the simulator ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_ERROR_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_ERROR_H

#include "ErrorSlot.h"
#include "llvm/ADT/Twine.h"

namespace mlir::qfmt::sim {

/// Keeps `message` if there is no error yet.
inline void reportError(const llvm::Twine &message) {
  (void)::qfmt::gpu::fail(message.str());
}

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_ERROR_H
