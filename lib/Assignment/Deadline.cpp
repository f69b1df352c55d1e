// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Deadline.h"
#include <algorithm>
#include <limits>

using namespace mlir::qfmt::assignment;

Deadline::Deadline(double seconds) {
  // Beyond some decades a duration overflows.
  if (seconds > 0 && seconds < 1e9)
    end = std::chrono::steady_clock::now() +
          std::chrono::duration_cast<std::chrono::steady_clock::duration>(
              std::chrono::duration<double>(seconds));
}

bool Deadline::isOver() const {
  return end && std::chrono::steady_clock::now() >= *end;
}

double Deadline::getLeft() const {
  if (!end)
    return std::numeric_limits<double>::infinity();
  std::chrono::duration<double> left = *end - std::chrono::steady_clock::now();
  return std::max(0.0, left.count());
}
