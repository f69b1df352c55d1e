// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// As Gptq.cpp, with a set J of columns in the place of one: let t be what a
// group should be by now and q what it becomes. With e such that e U_JJ = t - q
// the loss grows by |e|^2, a quadratic function of q, and e times the rest of
// the rows J of U is taken off the columns that follow.

#include "GroupSearch.h"
#include "qfmt/WeightRounding/AdditiveRounding.h"
#include <numeric>

using namespace mlir;
using namespace mlir::qfmt;

/// Units whose groups are searched at once.
static constexpr int64_t kUnits = 64;
/// How often the codes of a group are gone through, at most.
static constexpr unsigned kPasses = 8;

namespace {
class GroupFeedback {
public:
  GroupFeedback(const RoundingProblem &problem, const AdditiveGrid &grid,
                const AdditiveFeedbackOptions &options)
      : problem(problem), grid(grid), options(options) {}

  std::optional<AdditiveCodes> run() {
    arrange();
    std::optional<Matrix> factor =
        factorizeInverse(problem, options.damping, order);
    if (!factor)
      return std::nullopt;
    upper = std::move(*factor);
    MatrixView weights(problem.weights.data(), problem.rows, problem.depth);
    rest.resize(problem.rows, problem.depth);
    for (int64_t i = 0; i < problem.depth; ++i)
      rest.col(i) = weights.col(order[i]);
    codes.resize(grid.getNumGroups() * grid.getNumTables());
    int64_t first = 0;
    for (size_t j : patterns)
      first = round(j, first);
    return std::move(codes);
  }

private:
  /// Patterns with large moments first.
  void arrange() {
    auto getRank = [&](size_t j) {
      double sum = 0;
      for (int64_t column : grid.getPatterns()[j].columns)
        sum += problem.moments[column * (problem.depth + 1)];
      return std::make_pair(-sum, j);
    };
    std::vector<std::pair<double, size_t>> ranks;
    for (size_t j = 0; j < grid.getPatterns().size(); ++j)
      ranks.push_back(getRank(j));
    llvm::sort(ranks);
    placeOf.assign(problem.depth, -1);
    for (auto [rank, j] : ranks) {
      patterns.push_back(j);
      for (int64_t column : grid.getPatterns()[j].columns) {
        if (placeOf[column] >= 0)
          continue;
        placeOf[column] = order.size();
        order.push_back(column);
      }
    }
  }

  /// Rounds the groups of a pattern whose columns begin at `first` in the
  /// order. Returns where they end.
  int64_t round(size_t j, int64_t first) {
    const AdditiveGrid::Pattern &pattern = grid.getPatterns()[j];
    llvm::SmallVector<int64_t> columns;
    int64_t size = 0;
    for (int64_t column : pattern.columns) {
      columns.push_back(placeOf[column] - first);
      size = std::max(size, columns.back() + 1);
    }
    auto corner =
        upper.block(first, first, size, size).triangularView<Eigen::Upper>();
    Matrix inverse = corner.solve(Matrix::Identity(size, size));
    Matrix moments = inverse * inverse.transpose();
    GroupSearch search(grid, pattern, columns, moments, options.beam);
    Matrix errors(problem.rows, size);
    forEachChunk(grid.getNumUnits(), kUnits, options.forEach,
                 [&](int64_t unit, int64_t end) {
                   chooseCodes(search, j, columns, first, unit, end, errors);
                 });
    errors = errors * inverse;
    int64_t end = first + size, left = problem.depth - end;
    rest.rightCols(left).noalias() -=
        errors * upper.block(first, end, size, left);
    return end;
  }

  /// Of the groups of these units; `errors` become t - q.
  void chooseCodes(const GroupSearch &search, size_t j,
                   llvm::ArrayRef<int64_t> columns, int64_t first, int64_t unit,
                   int64_t end, Matrix &errors) {
    const AdditiveGrid::Pattern &pattern = grid.getPatterns()[j];
    std::vector<GroupState> states;
    auto getRow = [&](int64_t owner, int64_t place) {
      return grid.getRows(owner)[pattern.rows[place]];
    };
    for (int64_t owner = unit; owner < end; ++owner) {
      Eigen::RowVectorXd target(grid.getGroupSize());
      for (int64_t place = 0; place < target.size(); ++place)
        target[place] = rest(getRow(owner, place), first + columns[place]);
      GroupState state{owner, 0,  grid.getScale(grid.getGroup(owner, j)),
                       0,     {}, -target * search.getMoments()};
      state.codes.assign(grid.getNumTables(), GroupState::kNoCode);
      states.push_back(std::move(state));
    }
    search.run(states);
    // One table has no others to go by.
    for (unsigned pass = 1; grid.getNumTables() > 1 && pass < kPasses; ++pass) {
      std::vector<GroupState> before = states;
      search.run(states);
      if (llvm::equal(before, states,
                      [](const GroupState &a, const GroupState &b) {
                        return a.codes == b.codes;
                      }))
        break;
    }
    std::vector<double> values(grid.getGroupSize());
    for (size_t i = 0; i < states.size(); ++i) {
      // The best state of an owner is its first.
      int64_t owner = states[i].owner, group = grid.getGroup(owner, j);
      if (i > 0 && states[i - 1].owner == owner)
        continue;
      llvm::copy(states[i].codes, codes.begin() + group * grid.getNumTables());
      grid.decode(group, states[i].codes, values);
      for (int64_t place = 0; place < grid.getGroupSize(); ++place) {
        int64_t row = getRow(owner, place);
        errors(row, columns[place]) =
            rest(row, first + columns[place]) - values[place];
      }
    }
  }

  const RoundingProblem &problem;
  const AdditiveGrid &grid;
  const AdditiveFeedbackOptions &options;

  /// What is rounded first, second, ...: patterns, and their columns.
  std::vector<size_t> patterns;
  std::vector<int64_t> order;
  /// Of each column its place in that order.
  std::vector<int64_t> placeOf;
  /// Weights in that order, minus what makes up for errors.
  Matrix rest;
  /// U in that order.
  Matrix upper;
  AdditiveCodes codes;
};
} // namespace

std::optional<AdditiveCodes>
mlir::qfmt::roundGroupsByErrorFeedback(const RoundingProblem &problem,
                                       const AdditiveGrid &grid,
                                       const AdditiveFeedbackOptions &options) {
  return GroupFeedback(problem, grid, options).run();
}
