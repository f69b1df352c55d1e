// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// With the order of the columns fixed, let U be the upper triangular matrix
// with H^-1 = U^T U. Column i is rounded; its error, divided by U_ii, times the
// rest of row i of U is taken off the columns that follow, which is the best
// that they can do about it. Corrections of columns far away are collected and
// applied at once, as a product of matrices.

#include "Matrix.h"
#include <numeric>

using namespace mlir;
using namespace mlir::qfmt;

/// Columns between two products of matrices.
static constexpr int64_t kBatch = 128;

std::optional<Matrix>
mlir::qfmt::factorizeInverse(const RoundingProblem &problem, double damping,
                             llvm::ArrayRef<int64_t> order) {
  Matrix moments = getMoments(problem);
  double mean = moments.diagonal().mean();
  // No data at all: every error is as good as another.
  moments.diagonal().array() += mean > 0 ? damping * mean : 1.0;
  Matrix arranged(problem.depth, problem.depth);
  for (int64_t i = 0; i < problem.depth; ++i)
    for (int64_t j = 0; j < problem.depth; ++j)
      arranged(i, j) = moments(order[i], order[j]);
  Eigen::LLT<Eigen::MatrixXd> factor(arranged);
  if (factor.info() != Eigen::Success)
    return std::nullopt;
  Eigen::MatrixXd inverse =
      factor.solve(Eigen::MatrixXd::Identity(problem.depth, problem.depth));
  Eigen::LLT<Eigen::MatrixXd> factorOfInverse(inverse);
  if (factorOfInverse.info() != Eigen::Success)
    return std::nullopt;
  return Matrix(factorOfInverse.matrixU());
}

namespace {
/// Columns first, ..., first + size - 1 of the order.
struct Batch {
  int64_t first, size;
  /// The set that begins here.
  std::optional<size_t> set;
};

class ErrorFeedback {
public:
  ErrorFeedback(const RoundingProblem &problem, LevelGrid &grid,
                const GptqOptions &options)
      : problem(problem), grid(grid), options(options) {}

  std::optional<Levels> run() {
    arrangeColumns();
    std::optional<Matrix> factor =
        factorizeInverse(problem, options.damping, order);
    if (!factor)
      return std::nullopt;
    upper = std::move(*factor);
    rest.resize(problem.rows, problem.depth);
    MatrixView weights(problem.weights.data(), problem.rows, problem.depth);
    for (int64_t i = 0; i < problem.depth; ++i)
      rest.col(i) = weights.col(order[i]);
    levels.resize(problem.weights.size());
    for (const Batch &batch : batches)
      round(batch);
    return std::move(levels);
  }

private:
  void arrangeColumns() {
    auto cut = [&](int64_t first, int64_t end, std::optional<size_t> set) {
      for (; first < end; first += kBatch, set = std::nullopt)
        batches.push_back({first, std::min(kBatch, end - first), set});
    };
    if (options.choose) {
      for (auto [number, set] : llvm::enumerate(options.sets)) {
        auto first = static_cast<int64_t>(order.size());
        order.insert(order.end(), set.begin(), set.end());
        cut(first, order.size(), number);
      }
      assert(static_cast<int64_t>(order.size()) == problem.depth &&
             "each column is in a set");
      return;
    }
    order.resize(problem.depth);
    std::iota(order.begin(), order.end(), 0);
    if (options.byMoments) {
      auto getRank = [&](int64_t column) {
        return std::make_pair(-problem.moments[column * (problem.depth + 1)],
                              column);
      };
      llvm::sort(order,
                 [&](int64_t a, int64_t b) { return getRank(a) < getRank(b); });
    }
    cut(0, problem.depth, std::nullopt);
  }

  void round(const Batch &batch) {
    if (batch.set)
      chooseScales(*batch.set);
    int64_t end = batch.first + batch.size;
    Matrix errors(problem.rows, batch.size);
    for (int64_t row = 0; row < problem.rows; ++row) {
      for (int64_t i = batch.first; i < end; ++i) {
        int64_t element = row * problem.depth + order[i];
        uint32_t level = grid.getNearest(element, rest(row, i));
        levels[element] = level;
        double error =
            (rest(row, i) - grid.getValue(element, level)) / upper(i, i);
        errors(row, i - batch.first) = error;
        rest.row(row).segment(i, end - i) -=
            error * upper.row(i).segment(i, end - i);
      }
    }
    int64_t left = problem.depth - end;
    rest.rightCols(left).noalias() -=
        errors * upper.block(batch.first, end, batch.size, left);
  }

  /// From the weights as they are now, those that are rounded included.
  void chooseScales(size_t set) {
    std::vector<double> current(problem.weights.size());
    for (int64_t row = 0; row < problem.rows; ++row)
      for (int64_t i = 0; i < problem.depth; ++i)
        current[row * problem.depth + order[i]] = rest(row, i);
    options.choose(set, current);
  }

  const RoundingProblem &problem;
  LevelGrid &grid;
  const GptqOptions &options;

  /// What is rounded first, second, ...
  std::vector<int64_t> order;
  std::vector<Batch> batches;
  /// Weights in that order, minus what makes up for errors.
  Matrix rest;
  /// U in that order.
  Matrix upper;
  Levels levels;
};
} // namespace

std::optional<Levels>
mlir::qfmt::roundByErrorFeedback(const RoundingProblem &problem,
                                 LevelGrid &grid, const GptqOptions &options) {
  return ErrorFeedback(problem, grid, options).run();
}
