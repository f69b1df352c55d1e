//===- Environment.h - Numbers from the environment -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_ENVIRONMENT_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_ENVIRONMENT_H

#include <cstdint>
#include <optional>

namespace mlir::qfmt::sim {

struct EnvironmentNumber {
  const char *name;
  uint64_t least, most;
  /// If the variable is not set, or empty.
  uint64_t usual;

  /// None, with an error, if the variable is no number in the range.
  std::optional<uint64_t> read() const;
};

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_ENVIRONMENT_H
