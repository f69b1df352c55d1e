// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/MachineMemory.h"
#include "llvm/Support/MathExtras.h"
#include <unistd.h>

namespace mlir::qfmt {

static std::optional<int64_t> askSystem() {
  int64_t pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE), bytes;
  if (pages <= 0 || size <= 0 || llvm::MulOverflow(pages, size, bytes))
    return std::nullopt;
  return bytes;
}

std::optional<int64_t> getMachineMemory() {
  static const std::optional<int64_t> bytes = askSystem();
  return bytes;
}

} // namespace mlir::qfmt
