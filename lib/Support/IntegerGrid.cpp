//===- IntegerGrid.cpp - Values as multiples of a power of two ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/IntegerGrid.h"
#include "qfmt/Support/ExactReal.h"
#include <algorithm>

using namespace mlir::qfmt;

std::optional<IntegerGrid>
mlir::qfmt::computeIntegerGrid(llvm::ArrayRef<double> values) {
  bool any = false;
  int unit = 0, leading = 0;
  for (double value : values) {
    ExactReal real = ExactReal::fromDouble(value);
    if (!real.isFinite() || real.isZero())
      continue;
    // The mantissa is odd, so the exponent is that of the lowest set bit.
    unit = any ? std::min(unit, real.getExponent()) : real.getExponent();
    leading = any ? std::max(leading, real.getLeadingExponent())
                  : real.getLeadingExponent();
    any = true;
  }
  if (!any)
    return IntegerGrid{0, 0};
  unsigned bits = leading - unit + 1;
  if (bits > IntegerGrid::kMaxBits)
    return std::nullopt;
  return IntegerGrid{unit, bits};
}
