// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ChannelOrder.h"
#include "llvm/ADT/STLExtras.h"
#include <cassert>
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace mlir::qfmt;

/// The channels of pair or channel `number` of a run of `run` channels.
static SmallVector<int64_t, 2> getMembers(int64_t number, int64_t run,
                                          ChannelPairs pairs) {
  switch (pairs) {
  case ChannelPairs::None:
    return {number};
  case ChannelPairs::Halves:
    return {number, number + run / 2};
  case ChannelPairs::Neighbours:
    return {2 * number, 2 * number + 1};
  }
  llvm_unreachable("all pairs are listed");
}

std::vector<int64_t> mlir::qfmt::getDescendingOrder(ArrayRef<double> norms,
                                                    int64_t run,
                                                    ChannelPairs pairs) {
  int64_t channels = norms.size();
  assert(run > 0 && channels % run == 0 && "runs do not fit");
  assert((pairs == ChannelPairs::None || run % 2 == 0) && "half a pair");
  int64_t count = pairs == ChannelPairs::None ? run : run / 2;
  std::vector<int64_t> order(channels), numbers(count);
  std::vector<double> energies(count);
  for (int64_t start = 0; start < channels; start += run) {
    for (int64_t number = 0; number < count; ++number) {
      energies[number] = 0;
      for (int64_t member : getMembers(number, run, pairs))
        energies[number] += norms[start + member] * norms[start + member];
    }
    std::iota(numbers.begin(), numbers.end(), 0);
    llvm::sort(numbers, [&](int64_t a, int64_t b) {
      return std::pair(energies[b], a) < std::pair(energies[a], b);
    });
    for (auto [place, number] : llvm::enumerate(numbers))
      for (auto [to, from] : llvm::zip_equal(getMembers(place, run, pairs),
                                             getMembers(number, run, pairs)))
        order[start + to] = start + from;
  }
  return order;
}

std::vector<int64_t> mlir::qfmt::getProbeOrder(int64_t channels, int64_t run,
                                               ChannelPairs pairs, bool tied) {
  std::vector<double> norms(channels);
  int64_t count = pairs == ChannelPairs::None ? run : run / 2;
  for (int64_t start = 0; start < channels; start += run)
    for (int64_t number = 0; number < count; ++number) {
      // Backwards, or the last one first; of two, that would be the same.
      bool backwards = tied || start / run % 2 == 0;
      double norm =
          backwards || (number + 1 == count && count > 2) ? number : -number;
      for (int64_t member : getMembers(number, run, pairs))
        norms[start + member] = std::exp2(norm / count);
    }
  return getDescendingOrder(norms, run, pairs);
}

std::vector<double> mlir::qfmt::tieRuns(ArrayRef<double> norms, int64_t run) {
  int64_t channels = norms.size();
  std::vector<double> tied(channels);
  for (int64_t i = 0; i < run; ++i) {
    double sum = 0;
    for (int64_t start = 0; start < channels; start += run)
      sum += norms[start + i] * norms[start + i];
    for (int64_t start = 0; start < channels; start += run)
      tied[start + i] = std::sqrt(sum / (channels / run));
  }
  return tied;
}

std::vector<int64_t> mlir::qfmt::getRuns(int64_t channels) {
  std::vector<int64_t> runs;
  for (int64_t run = channels; run > 1; --run)
    if (channels % run == 0)
      runs.push_back(run);
  return runs;
}

std::vector<int64_t> mlir::qfmt::findRows(ArrayRef<double> rows,
                                          ArrayRef<double> in, int64_t size) {
  if (rows.size() != in.size())
    return {};
  auto sorted = [&](ArrayRef<double> all) {
    std::vector<int64_t> order(all.size() / size);
    std::iota(order.begin(), order.end(), 0);
    llvm::sort(order, [&](int64_t a, int64_t b) {
      ArrayRef<double> left = all.slice(a * size, size);
      ArrayRef<double> right = all.slice(b * size, size);
      auto [x, y] = std::mismatch(left.begin(), left.end(), right.begin());
      return x == left.end() ? a < b : *x < *y;
    });
    return order;
  };
  std::vector<int64_t> order = sorted(rows), other = sorted(in);
  std::vector<int64_t> found(order.size());
  for (auto [row, match] : llvm::zip_equal(order, other)) {
    if (rows.slice(row * size, size) != in.slice(match * size, size))
      return {};
    found[row] = match;
  }
  return found;
}

std::vector<double> mlir::qfmt::transposeRows(ArrayRef<double> rows,
                                              int64_t size) {
  int64_t n = rows.size() / size;
  std::vector<double> result(rows.size());
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < size; ++j)
      result[j * n + i] = rows[i * size + j];
  return result;
}

std::vector<double> mlir::qfmt::permuteColumns(ArrayRef<double> rows,
                                               ArrayRef<int64_t> order) {
  assert(rows.size() % order.size() == 0 && "not whole rows");
  std::vector<double> result(rows.size());
  for (size_t start = 0; start < rows.size(); start += order.size())
    for (auto [to, from] : llvm::enumerate(order))
      result[start + to] = rows[start + from];
  return result;
}

std::vector<double> mlir::qfmt::getColumns(ArrayRef<double> rows,
                                           int64_t channels, int64_t first,
                                           int64_t size) {
  std::vector<double> result;
  result.reserve(rows.size() / channels * size);
  for (size_t start = first; start < rows.size(); start += channels)
    llvm::append_range(result, rows.slice(start, size));
  return result;
}

std::vector<double> mlir::qfmt::getRowNorms(ArrayRef<double> rows,
                                            int64_t size) {
  std::vector<double> norms;
  for (size_t start = 0; start < rows.size(); start += size) {
    double sum = 0;
    for (double value : rows.slice(start, size))
      sum += value * value;
    norms.push_back(std::sqrt(sum));
  }
  return norms;
}

std::vector<double> mlir::qfmt::getColumnSizes(ArrayRef<double> rows,
                                               int64_t channels) {
  std::vector<double> sums(channels);
  for (auto [i, value] : llvm::enumerate(rows))
    sums[i % channels] += value * value;
  double count = std::max<double>(1, rows.size() / channels);
  for (double &sum : sums)
    sum = std::sqrt(sum / count);
  return sums;
}

double mlir::qfmt::getBlockLoss(ArrayRef<double> rows, int64_t channels,
                                int64_t block, unsigned bits,
                                ArrayRef<double> factors) {
  assert(channels > 0 && block >= 0 && rows.size() % channels == 0);
  if (block == 0 || block > channels)
    block = channels;
  double steps = std::ldexp(1.0, bits - 1) - 1, loss = 0;
  for (size_t row = 0; row < rows.size(); row += channels)
    for (int64_t first = 0; first < channels; first += block) {
      ArrayRef<double> part =
          rows.slice(row + first, std::min(block, channels - first));
      double largest = 0;
      for (double value : part)
        largest = std::max(largest, std::abs(value));
      double most = largest / steps * (largest / steps) / 12;
      for (auto [i, value] : llvm::enumerate(part))
        loss += std::min(value * value, most) *
                (factors.empty() ? 1 : factors[first + i]);
    }
  return loss;
}
