// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The shared library that runs kernels, and what its functions say.

#ifndef QFMT_TOOLS_QFMT_RUN_GPULIBRARY_H
#define QFMT_TOOLS_QFMT_RUN_GPULIBRARY_H

#include "Options.h"

namespace mlir::qfmt {

class GpuLibrary {
public:
  /// What a program exits with where there is no driver or no device, so that
  /// tests can tell that from a failure.
  static constexpr int kNoDevice = 77;

  /// Loads the library that `options` ask for and opens its device. 0 or, after
  /// a message, the status to exit with.
  int open(const Options &options);

  /// The functions that compiled code calls.
  ArrayRef<std::pair<std::string, void *>> getSymbols() const {
    return symbols;
  }

  /// Reports the first error since the last call, if there is one.
  LogicalResult check() const;

private:
  SmallVector<std::pair<std::string, void *>> symbols;
  const char *(*getError)() = nullptr;
};

} // namespace mlir::qfmt

#endif // QFMT_TOOLS_QFMT_RUN_GPULIBRARY_H
