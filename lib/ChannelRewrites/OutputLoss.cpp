// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "OutputLoss.h"
#include <Eigen/Dense>
#include <algorithm>

using namespace mlir::qfmt;

LevelSet::LevelSet(std::vector<std::pair<double, uint64_t>> valuesAndCodes) {
  std::sort(valuesAndCodes.begin(), valuesAndCodes.end());
  for (auto [value, code] : valuesAndCodes) {
    if (!values.empty() && values.back() == value)
      continue;
    values.push_back(value);
    isEven.push_back(code % 2 == 0);
  }
}

double LevelSet::round(double value) const {
  auto above = std::lower_bound(values.begin(), values.end(), value);
  if (above == values.end())
    return values.back();
  if (above == values.begin())
    return values.front();
  double toLower = value - above[-1], toUpper = *above - value;
  bool takeLower = toLower == toUpper ? isEven[above - values.begin() - 1]
                                      : toLower < toUpper;
  return takeLower ? above[-1] : *above;
}

void LevelSet::roundAll(llvm::MutableArrayRef<double> numbers,
                        double scale) const {
  for (double &number : numbers)
    number = scale * round(number / scale);
}

using Matrix =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

static Eigen::Map<const Matrix> seeRows(llvm::ArrayRef<double> elements,
                                        int64_t depth) {
  return {elements.data(), static_cast<int64_t>(elements.size()) / depth,
          depth};
}

double mlir::qfmt::getOutputLoss(const MatrixProduct &exact,
                                 const MatrixProduct &rounded) {
  int64_t depth = exact.depth;
  if (depth == 0 || exact.rows.empty())
    return 0;
  Eigen::Map<const Matrix> rows = seeRows(exact.rows, depth);
  Matrix errors = seeRows(rounded.rows, depth) *
                  seeRows(rounded.weights, depth).transpose();
  errors.noalias() -= rows * seeRows(exact.weights, depth).transpose();
  return errors.squaredNorm() / rows.rows();
}
