// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Equalization.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

std::vector<double> mlir::qfmt::getRowRanges(ArrayRef<double> rows,
                                             int64_t size) {
  std::vector<double> ranges;
  for (size_t start = 0; start < rows.size(); start += size) {
    double range = 0;
    for (double value : rows.slice(start, size))
      range = std::max(range, std::abs(value));
    ranges.push_back(range);
  }
  return ranges;
}

std::vector<double> mlir::qfmt::getEqualizingScales(ArrayRef<double> computed,
                                                    ArrayRef<double> read,
                                                    bool powersOfTwo) {
  std::vector<double> scales;
  for (auto [before, after] : llvm::zip_equal(computed, read)) {
    double scale = std::sqrt(before / after);
    if (!(before > 0) || !(after > 0) || !std::isnormal(scale))
      scale = 1;
    if (powersOfTwo)
      scale = std::exp2(std::round(std::log2(scale)));
    scales.push_back(scale);
  }
  return scales;
}
