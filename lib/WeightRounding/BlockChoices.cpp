// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// With the rest of a row fixed, errors d of one of its blocks change the loss
// by 2 g . d + d A d^T, where A is the block's part of H and g what the rest
// contributes to the image. This is least at d = -g A^-1: weights that are off
// by that are what the block is rounded to, as Gptq.cpp rounds a matrix.

#include "Matrix.h"
#include <map>
#include <numeric>

using namespace mlir;
using namespace mlir::qfmt;

/// Sweeps of coordinate descent over a block.
static constexpr unsigned kSweeps = 4;
/// Less than this part of a loss is no gain but a rounding error.
static constexpr double kTolerance = 1e-12;

namespace {
/// Columns that are those of blocks of several rows.
struct Columns {
  /// Those with large moments first.
  std::vector<int64_t> indices;
  /// A, and U with (A + damping)^-1 = U^T U.
  Matrix moments, upper;
};

/// A way to round a block.
struct Rounded {
  std::vector<uint32_t> levels;
  Eigen::RowVectorXd errors;
};

class BlockSearch {
public:
  BlockSearch(const RoundingProblem &problem, LevelGrid &grid, Levels &levels,
              double damping)
      : problem(problem), grid(grid), levels(levels), damping(damping),
        moments(getMoments(problem)),
        images(getErrors(problem, grid, levels) * moments) {}

  std::vector<size_t> run(llvm::ArrayRef<BlockChoice> choices,
                          std::vector<bool> &active) {
    std::map<int32_t, std::vector<size_t>> choicesOf;
    for (size_t i = 0; i < choices.size(); ++i)
      choicesOf[choices[i].block].push_back(i);
    std::vector<size_t> taken;
    std::vector<bool> changed(problem.rows, false);
    for (auto &[block, elements] : collectBlocks()) {
      int64_t row = elements.front() / problem.depth;
      const Columns *columns = active[row] ? getColumns(elements) : nullptr;
      if (!columns)
        continue;
      std::optional<size_t> choice;
      if (improve(row, block, *columns, choices, choicesOf[block], choice))
        changed[row] = true;
      if (choice)
        taken.push_back(*choice);
    }
    active = std::move(changed);
    return taken;
  }

private:
  /// Elements by block, where they lie in one row.
  std::map<int32_t, std::vector<int64_t>> collectBlocks() const {
    std::map<int32_t, std::vector<int64_t>> blocks;
    for (int64_t element = 0; element < grid.getNumElements(); ++element)
      blocks[grid.getBlock(element)].push_back(element);
    for (auto it = blocks.begin(); it != blocks.end();) {
      bool isInRow = it->second.front() / problem.depth ==
                     it->second.back() / problem.depth;
      it = isInRow ? std::next(it) : blocks.erase(it);
    }
    return blocks;
  }

  /// Null if their moments are not positive definite.
  const Columns *getColumns(llvm::ArrayRef<int64_t> elements) {
    std::vector<int64_t> indices;
    for (int64_t element : elements)
      indices.push_back(element % problem.depth);
    auto [known, isNew] = columnsOf.try_emplace(indices);
    if (!isNew)
      return known->second ? &*known->second : nullptr;
    llvm::sort(indices, [&](int64_t a, int64_t b) {
      return std::make_pair(-moments(a, a), a) <
             std::make_pair(-moments(b, b), b);
    });
    Matrix part(indices.size(), indices.size());
    for (Eigen::Index i = 0; i < part.rows(); ++i)
      for (Eigen::Index j = 0; j < part.cols(); ++j)
        part(i, j) = moments(indices[i], indices[j]);
    std::vector<int64_t> order(indices.size());
    std::iota(order.begin(), order.end(), 0);
    auto size = static_cast<int64_t>(indices.size());
    RoundingProblem inner{
        0, size, {}, llvm::ArrayRef(part.data(), part.size())};
    std::optional<Matrix> upper = factorizeInverse(inner, damping, order);
    if (!upper)
      return nullptr;
    known->second =
        Columns{std::move(indices), std::move(part), std::move(*upper)};
    return &*known->second;
  }

  /// Tries all that the block can have. True if that changes something;
  /// `choice` is what has been taken.
  bool improve(int64_t row, int32_t block, const Columns &columns,
               llvm::ArrayRef<BlockChoice> choices,
               llvm::ArrayRef<size_t> numbers, std::optional<size_t> &choice) {
    const Rounded current = getCurrent(row, columns);
    Eigen::RowVectorXd rest(current.errors.size());
    for (Eigen::Index i = 0; i < rest.size(); ++i)
      rest[i] = images(row, columns.indices[i]);
    Eigen::RowVectorXd own = current.errors * columns.moments;
    rest -= own;
    double least = kTolerance * (std::abs(2 * rest.dot(current.errors)) +
                                 std::abs(own.dot(current.errors)));
    double loss = getLoss(current.errors, rest, columns);
    std::optional<Rounded> best;
    BlockChoice now{block, grid.getScale(block), grid.getZeroPoint(block),
                    grid.getFormat(block)};
    auto attempt = [&](const BlockChoice &other) {
      grid.setBlock(block, other.scale, other.zeroPoint, other.format);
      Rounded found = round(row, columns, rest);
      double gain = loss - getLoss(found.errors, rest, columns);
      if (!(gain > least))
        return false;
      loss -= gain;
      best = std::move(found);
      return true;
    };
    attempt(now);
    for (size_t number : numbers)
      if (attempt(choices[number]))
        choice = number;
    if (choice)
      now = choices[*choice];
    grid.setBlock(block, now.scale, now.zeroPoint, now.format);
    if (!best)
      return false;
    for (size_t i = 0; i < columns.indices.size(); ++i) {
      int64_t column = columns.indices[i];
      levels[row * problem.depth + column] = best->levels[i];
      images.row(row) +=
          (best->errors[i] - current.errors[i]) * moments.row(column);
    }
    return true;
  }

  static double getLoss(const Eigen::RowVectorXd &errors,
                        const Eigen::RowVectorXd &rest,
                        const Columns &columns) {
    return (2 * rest + errors * columns.moments).dot(errors);
  }

  Rounded getCurrent(int64_t row, const Columns &columns) const {
    Rounded current;
    current.errors.resize(columns.indices.size());
    for (auto [i, column] : llvm::enumerate(columns.indices)) {
      int64_t element = row * problem.depth + column;
      current.levels.push_back(levels[element]);
      current.errors[i] =
          grid.getValue(element, levels[element]) - problem.weights[element];
    }
    return current;
  }

  /// The block with what `grid` says of it now.
  Rounded round(int64_t row, const Columns &columns,
                const Eigen::RowVectorXd &rest) const {
    auto size = static_cast<Eigen::Index>(columns.indices.size());
    // -g A^-1, with the damped A.
    Eigen::RowVectorXd target =
        -(rest * columns.upper.transpose()) * columns.upper;
    Rounded found;
    found.levels.resize(size);
    found.errors.resize(size);
    for (Eigen::Index i = 0; i < size; ++i) {
      int64_t element = row * problem.depth + columns.indices[i];
      double weight = problem.weights[element];
      found.levels[i] = grid.getNearest(element, weight + target[i]);
      found.errors[i] = grid.getValue(element, found.levels[i]) - weight;
      double error = (target[i] - found.errors[i]) / columns.upper(i, i);
      target.tail(size - i) -= error * columns.upper.row(i).tail(size - i);
    }
    descend(row, columns, rest, found);
    return found;
  }

  /// As CoordinateDescent.cpp, within the block.
  void descend(int64_t row, const Columns &columns,
               const Eigen::RowVectorXd &rest, Rounded &found) const {
    Eigen::RowVectorXd image = rest + found.errors * columns.moments;
    for (unsigned sweep = 0; sweep < kSweeps; ++sweep) {
      bool changed = false;
      for (Eigen::Index i = 0; i < image.size(); ++i) {
        double moment = columns.moments(i, i);
        if (moment <= 0)
          continue;
        int64_t element = row * problem.depth + columns.indices[i];
        double value = grid.getValue(element, found.levels[i]);
        uint32_t level = grid.getNearest(element, value - image[i] / moment);
        double change = grid.getValue(element, level) - value;
        if (!(-change * (2 * image[i] + change * moment) >
              1e-12 * change * change * moment))
          continue;
        found.levels[i] = level;
        found.errors[i] += change;
        image += change * columns.moments.row(i);
        changed = true;
      }
      if (!changed)
        return;
    }
  }

  const RoundingProblem &problem;
  LevelGrid &grid;
  Levels &levels;
  double damping;
  Matrix moments;
  /// (W' - W) H
  Matrix images;
  std::map<std::vector<int64_t>, std::optional<Columns>> columnsOf;
};
} // namespace

std::vector<size_t>
mlir::qfmt::improveByBlockChoices(const RoundingProblem &problem,
                                  LevelGrid &grid, Levels &levels,
                                  llvm::ArrayRef<BlockChoice> choices,
                                  std::vector<bool> &active, double damping) {
  return BlockSearch(problem, grid, levels, damping).run(choices, active);
}
