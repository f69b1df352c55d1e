// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "OutputError.h"
#include <array>

using namespace mlir;
using namespace mlir::qfmt;

/// Rows that share one pass over the moments: these are too large for a cache.
static constexpr int64_t kRows = 8;

/// The sum of d H d^T over at most kRows rows d.
static double sumRows(ArrayRef<double> rows, ArrayRef<double> moments,
                      int64_t depth) {
  int64_t numRows = rows.size() / depth;
  // Transposed, so that the inner loop runs over rows: [depth][kRows].
  std::vector<double> columns(depth * kRows, 0.0);
  for (int64_t row = 0; row < numRows; ++row)
    for (int64_t i = 0; i < depth; ++i)
      columns[i * kRows + row] = rows[row * depth + i];
  double sum = 0;
  for (int64_t i = 0; i < depth; ++i) {
    std::array<double, kRows> image{};
    const double *moment = &moments[i * depth];
    for (int64_t j = 0; j < depth; ++j)
      for (int64_t row = 0; row < kRows; ++row)
        image[row] += moment[j] * columns[j * kRows + row];
    for (int64_t row = 0; row < kRows; ++row)
      sum += columns[i * kRows + row] * image[row];
  }
  return sum;
}

double mlir::qfmt::getOutputError(const WeightMatrices &matrices,
                                  ArrayRef<double> errors,
                                  ArrayRef<double> moments) {
  int64_t depth = matrices.depth;
  double sum = 0;
  for (int64_t group = 0; group < matrices.groups; ++group)
    for (int64_t row = 0; row < matrices.outputs; row += kRows) {
      int64_t numRows = std::min(kRows, matrices.outputs - row);
      int64_t first = group * matrices.outputs + row;
      sum +=
          sumRows(errors.slice(first * depth, numRows * depth),
                  moments.slice(group * depth * depth, depth * depth), depth);
    }
  return sum;
}
