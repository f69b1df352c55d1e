// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "OutputLoss.h"
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

using namespace mlir::qfmt;

LevelSet::LevelSet(std::vector<std::pair<double, uint64_t>> valuesAndCodes) {
  std::sort(valuesAndCodes.begin(), valuesAndCodes.end());
  for (auto [value, code] : valuesAndCodes) {
    if (!values.empty() && values.back() == value)
      continue;
    values.push_back(value);
    isEven.push_back(code % 2 == 0);
  }
  areIntegers = true;
  for (size_t i = 0; i < values.size(); ++i)
    areIntegers &= values[i] == std::nearbyint(values[0]) + double(i) &&
                   isEven[i] == (std::fmod(values[i], 2) == 0);
}

double LevelSet::round(double value) const {
  // What most formats are; a search takes ten times as long.
  if (areIntegers)
    return std::clamp(std::nearbyint(value), values.front(), values.back());
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

std::vector<double> mlir::qfmt::multiplyRows(llvm::ArrayRef<double> rows,
                                             llvm::ArrayRef<double> weights,
                                             int64_t depth) {
  Eigen::Map<const Matrix> left = seeRows(rows, depth),
                           right = seeRows(weights, depth);
  std::vector<double> product(left.rows() * right.rows());
  Eigen::Map<Matrix>(product.data(), left.rows(), right.rows()).noalias() =
      left * right.transpose();
  return product;
}

double mlir::qfmt::getOutputLoss(llvm::ArrayRef<double> exact,
                                 llvm::ArrayRef<double> rows,
                                 llvm::ArrayRef<double> weights,
                                 int64_t depth) {
  if (rows.empty())
    return 0;
  std::vector<double> product = multiplyRows(rows, weights, depth);
  double sum = 0;
  for (size_t i = 0; i < product.size(); ++i)
    sum += (product[i] - exact[i]) * (product[i] - exact[i]);
  return sum * depth / rows.size();
}

double mlir::qfmt::getMomentLoss(llvm::ArrayRef<double> errors,
                                 llvm::ArrayRef<double> moments,
                                 int64_t depth) {
  if (errors.empty())
    return 0;
  Eigen::Map<const Matrix> rows = seeRows(errors, depth);
  Matrix images = rows * seeRows(moments, depth);
  return images.cwiseProduct(rows).sum();
}
