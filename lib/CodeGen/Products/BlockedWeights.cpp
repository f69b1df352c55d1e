// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "BlockedWeights.h"
#include <array>
#include <cmath>

namespace mlir::qfmt {

/// With blocks of `product`, which may be parts of the factor's own.
static std::vector<float> splitScales(const ScaledProduct &product,
                                      const ConstantFactor &weights) {
  int64_t ownSize = product.weights.getBlockSize(product.sumDim);
  std::vector<float> scales(product.blocks * product.n, 1.0f);
  if (!weights.blockScales.empty())
    for (int64_t g = 0; g < product.blocks; ++g)
      for (int64_t n = 0; n < product.n; ++n)
        scales[g * product.n + n] =
            weights
                .blockScales[g * product.blockSize / ownSize * product.n + n];
  return scales;
}

bool hasBlocks(const ScaledProduct &product, const ConstantFactor &weights) {
  if (product.blocks > 1 || hasScaleOfBlock(product.activations, 1))
    return true;
  constexpr int64_t kFewValues = 16;
  std::array<bool, 256> occurs = {};
  for (int8_t integer : weights.integers)
    occurs[uint8_t(integer)] = true;
  if (llvm::count(occurs, true) <= kFewValues)
    return true;
  // Rows with zero points.
  int64_t width = weights.integers.size() / product.n;
  for (int64_t n = 0; n < product.n; ++n) {
    auto first = weights.integers.begin() + n * width;
    auto [least, greatest] = std::minmax_element(first, first + product.k);
    if (*greatest - *least >= kFewValues)
      return false;
  }
  return true;
}

std::vector<int64_t> splitIntegers(const ScaledProduct &product,
                                   const ConstantFactor &weights) {
  int64_t width = product.blocks * product.blockSize;
  int64_t ownWidth = weights.integers.size() / product.n;
  std::vector<int64_t> integers(product.n * width, 0);
  for (int64_t n = 0; n < product.n; ++n)
    for (int64_t k = 0; k < product.k; ++k)
      integers[n * width + k] = weights.integers[n * ownWidth + k];
  return integers;
}

/// Scales of 0 become integers of 0: there are sums of integers to multiply,
/// and no scale needs more than normal numbers.
static void moveZeros(std::vector<float> &scales,
                      std::vector<int64_t> &integers, int64_t rows,
                      int64_t blockSize) {
  auto other = llvm::find_if(scales, [](float scale) { return scale != 0; });
  float replacement = other == scales.end() ? 1.0f : *other;
  int64_t blocks = scales.size() / rows;
  for (auto [i, scale] : llvm::enumerate(scales)) {
    if (scale != 0)
      continue;
    scale = replacement;
    auto first = integers.begin() + (i % rows * blocks + i / rows) * blockSize;
    std::fill(first, first + blockSize, 0);
  }
}

bool isInRange(const ScaledProduct &product, const ConstantFactor &weights) {
  constexpr double kMaxTerm = 128.0 * 128.0;
  if (kMaxTerm * product.blockSize > std::numeric_limits<int32_t>::max())
    return false;
  double block = 1, row = 0;
  for (float scale : weights.blockScales)
    block = std::max(block, std::abs(double(scale)));
  for (float scale : weights.rowScales)
    row = std::max(row, std::abs(double(scale)));
  double terms = kMaxTerm * product.blocks * product.blockSize * block;
  return terms * std::max(row, 1.0) < std::numeric_limits<float>::max() / 2;
}

BlockedWeights splitWeights(const ScaledProduct &product,
                            const ConstantFactor &weights) {
  BlockedWeights split{splitIntegers(product, weights),
                       splitScales(product, weights)};
  moveZeros(split.scales, split.integers, product.n, product.blockSize);
  return split;
}

} // namespace mlir::qfmt
