// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Runtime/TilePermission.h"

#if defined(__linux__) && defined(__x86_64__)
#include <unistd.h>
#endif

namespace mlir::qfmt {

static bool request() {
#if defined(__linux__) && defined(__x86_64__)
  return syscall(kArchPrctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

bool requestTilePermission() {
  static const bool granted = request();
  return granted;
}

} // namespace mlir::qfmt
