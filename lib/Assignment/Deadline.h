//===- Deadline.h - A point in time, or never -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_ASSIGNMENT_DEADLINE_H
#define QFMT_ASSIGNMENT_DEADLINE_H

#include <chrono>
#include <optional>

namespace mlir::qfmt::assignment {

/// A point in time, or never.
class Deadline {
public:
  /// 0 seconds: never.
  explicit Deadline(double seconds);
  bool isOver() const;
  /// Seconds left; infinity without deadline, never negative.
  double getLeft() const;

private:
  std::optional<std::chrono::steady_clock::time_point> end;
};

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_DEADLINE_H
