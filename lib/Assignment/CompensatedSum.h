//===- CompensatedSum.h - A sum without accumulated rounding ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Neumaier's sum: the error is about one rounding of the result plus n * 2^-104
// times the sum of the absolute terms, whatever the order.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ASSIGNMENT_COMPENSATEDSUM_H
#define QFMT_ASSIGNMENT_COMPENSATEDSUM_H

#include <cmath>

namespace mlir::qfmt::assignment {

class CompensatedSum {
public:
  CompensatedSum(double value = 0) : sum(value) {}

  CompensatedSum &operator+=(double value) {
    double next = sum + value;
    if (std::abs(sum) >= std::abs(value))
      lost += (sum - next) + value;
    else
      lost += (value - next) + sum;
    sum = next;
    return *this;
  }

  double get() const { return sum + lost; }

private:
  double sum = 0, lost = 0;
};

} // namespace mlir::qfmt::assignment

#endif // QFMT_ASSIGNMENT_COMPENSATEDSUM_H
