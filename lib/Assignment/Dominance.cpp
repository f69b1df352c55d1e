//===- Dominance.cpp ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sweep of Kung, Luccio and Preparata (1975): in the order of the first
// cost, ask those before for the least damage at no larger second and third
// cost. A tree of Fenwick (1994) over both answers, with cells for quantiles of
// their values; further costs are compared with the one that it names.
//
//===----------------------------------------------------------------------===//

#include "Dominance.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <limits>
#include <numeric>

using namespace mlir::qfmt::assignment;

static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
/// Cells along the second cost alone, or along the second and the third each.
static constexpr size_t kCellsAlone = 1 << 16;
static constexpr size_t kCells = 512;

namespace {
/// Cells along one cost.
class Axis {
public:
  Axis(const States &states, size_t column, size_t maxCells) {
    if (column >= states.width)
      return;
    std::vector<int64_t> values;
    values.reserve(states.size());
    for (size_t i = 0; i < states.size(); ++i)
      values.push_back(states.get(i)[column]);
    llvm::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
    size_t numCells = std::min(maxCells, values.size());
    for (size_t cell = 1; cell <= numCells; ++cell)
      last.push_back(values[cell * values.size() / numCells - 1]);
  }
  size_t size() const { return std::max<size_t>(1, last.size()); }
  /// The cell that the value is in.
  size_t getCell(int64_t value) const {
    return llvm::lower_bound(last, value) - last.begin();
  }
  /// The number of cells whose values are all no larger.
  size_t getCellsBelow(int64_t value) const {
    return llvm::upper_bound(last, value) - last.begin();
  }
  bool isUsed() const { return !last.empty(); }

private:
  /// The largest value of each cell.
  std::vector<int64_t> last;
};

/// The state with the least damage in the cells (0, 0) to (x, y).
class Tree {
public:
  Tree(const States &states, size_t columns, size_t rows)
      : states(states), columns(columns), rows(rows),
        least(columns * rows, kNone) {}
  void insert(size_t x, size_t y, uint32_t state) {
    for (size_t i = x + 1; i <= columns; i += i & -i)
      for (size_t j = y + 1; j <= rows; j += j & -j)
        update(least[(i - 1) * rows + j - 1], state);
  }
  /// In the first x columns and the first y rows.
  uint32_t find(size_t x, size_t y) const {
    uint32_t found = kNone;
    for (size_t i = x; i > 0; i -= i & -i)
      for (size_t j = y; j > 0; j -= j & -j)
        if (least[(i - 1) * rows + j - 1] != kNone)
          update(found, least[(i - 1) * rows + j - 1]);
    return found;
  }

private:
  void update(uint32_t &entry, uint32_t state) const {
    if (entry == kNone || states.get(state)[0] < states.get(entry)[0])
      entry = state;
  }
  const States &states;
  size_t columns, rows;
  std::vector<uint32_t> least;
};
} // namespace

std::vector<uint32_t> mlir::qfmt::assignment::findNondominated(
    const States &states, int64_t equal,
    llvm::function_ref<bool(uint32_t, uint32_t)> comesFirst) {
  size_t width = states.width;
  std::vector<uint32_t> order(states.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](uint32_t a, uint32_t b) {
    const int64_t *first = states.get(a), *second = states.get(b);
    for (size_t i = 1; i < width; ++i)
      if (first[i] != second[i])
        return first[i] < second[i];
    return first[0] != second[0] ? first[0] < second[0] : a < b;
  });
  auto replaces = [&](uint32_t a, uint32_t b) {
    const int64_t *first = states.get(a), *second = states.get(b);
    for (size_t i = 1; i < width; ++i)
      if (first[i] > second[i])
        return false;
    if (first[0] < second[0] - equal)
      return true;
    return first[0] <= second[0] && comesFirst(a, b);
  };

  Axis second(states, 2, width > 3 ? kCells : kCellsAlone);
  Axis third(states, 3, kCells);
  Tree tree(states, second.size(), third.size());
  std::vector<uint32_t> kept;
  for (uint32_t state : order) {
    const int64_t *values = states.get(state);
    // Of equal ones the first, wherever it is in the tree.
    if (!kept.empty() && replaces(kept.back(), state))
      continue;
    uint32_t other =
        tree.find(second.isUsed() ? second.getCellsBelow(values[2]) : 1,
                  third.isUsed() ? third.getCellsBelow(values[3]) : 1);
    if (other != kNone && replaces(other, state))
      continue;
    if (!kept.empty() &&
        std::equal(values, values + width, states.get(kept.back())))
      kept.pop_back();
    kept.push_back(state);
    tree.insert(second.isUsed() ? second.getCell(values[2]) : 0,
                third.isUsed() ? third.getCell(values[3]) : 0, state);
  }
  return kept;
}
