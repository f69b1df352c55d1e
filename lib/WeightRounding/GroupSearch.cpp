// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "GroupSearch.h"
#include "llvm/ADT/STLExtras.h"
#include <limits>

using namespace mlir;
using namespace mlir::qfmt;

/// Vectors that are tried in one product: bounds its memory.
static constexpr int64_t kVectors = 1024;
static constexpr double kInfinity = std::numeric_limits<double>::infinity();

GroupSearch::GroupSearch(const AdditiveGrid &grid,
                         const AdditiveGrid::Pattern &pattern,
                         llvm::ArrayRef<int64_t> columns, const Matrix &all,
                         unsigned beam)
    : grid(grid), beam(beam) {
  int64_t size = grid.getGroupSize();
  moments = Matrix::Zero(size, size);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j)
      if (pattern.rows[i] == pattern.rows[j])
        moments(i, j) = all(columns[i], columns[j]);
  squares.resize(grid.getNumTables(), grid.getNumVectors());
  for (int64_t table = 0; table < grid.getNumTables(); ++table) {
    MatrixView vectors(grid.getTable(table), grid.getNumVectors(), size);
    squares.row(table) =
        (vectors * moments).cwiseProduct(vectors).rowwise().sum().transpose();
  }
}

void GroupSearch::run(std::vector<GroupState> &states) const {
  for (int64_t table = 0; table < grid.getNumTables(); ++table)
    replace(table, states);
}

/// Keeps the list sorted, of at most `beam` candidates that differ.
void GroupSearch::offer(const Candidate &candidate,
                        llvm::ArrayRef<GroupState> states, int64_t table,
                        llvm::SmallVectorImpl<Candidate> &best) const {
  auto codesOf = [&](const Candidate &other) {
    auto codes = states[other.state].codes;
    codes[table] = other.code;
    return std::make_pair(states[other.state].origin, codes);
  };
  if (beam > 1)
    for (Candidate &known : best)
      if (known.code == candidate.code && codesOf(known) == codesOf(candidate))
        return;
  auto place = llvm::upper_bound(
      best, candidate,
      [](const Candidate &a, const Candidate &b) { return a.loss < b.loss; });
  best.insert(place, candidate);
  if (best.size() > beam)
    best.pop_back();
}

void GroupSearch::replace(int64_t table,
                          std::vector<GroupState> &states) const {
  // What each state is without its vector of this table.
  Matrix products(states.size(), grid.getGroupSize());
  for (auto [row, state] : llvm::enumerate(states)) {
    uint32_t code = state.codes[table];
    if (code != GroupState::kNoCode) {
      Eigen::RowVectorXd vector = state.scale * getVector(table, code);
      Eigen::RowVectorXd image = vector * moments;
      state.loss += vector.dot(image - 2 * state.image);
      state.image -= image;
    }
    products.row(row) = 2 * state.scale * state.image;
  }
  std::vector<llvm::SmallVector<Candidate, 1>> best(states.size());
  // Of each state that of its owner.
  auto firstOf = [&](size_t row) {
    while (row > 0 && states[row - 1].owner == states[row].owner)
      --row;
    return row;
  };
  MatrixView vectors(grid.getTable(table), grid.getNumVectors(),
                     grid.getGroupSize());
  for (int64_t begin = 0; begin < grid.getNumVectors(); begin += kVectors) {
    int64_t count = std::min(kVectors, grid.getNumVectors() - begin);
    Matrix losses = products * vectors.middleRows(begin, count).transpose();
    for (auto [row, state] : llvm::enumerate(states)) {
      auto &list = best[firstOf(row)];
      auto line = losses.row(row);
      line +=
          state.scale * state.scale * squares.row(table).segment(begin, count);
      line.array() += state.loss;
      for (int64_t code = 0; code < count; ++code)
        if (line[code] < (list.size() < beam ? kInfinity : list.back().loss))
          offer({line[code], row, static_cast<uint32_t>(begin + code)}, states,
                table, list);
    }
  }
  std::vector<GroupState> chosen;
  for (const auto &list : best)
    for (const Candidate &candidate : list) {
      GroupState state = states[candidate.state];
      state.codes[table] = candidate.code;
      state.loss = candidate.loss;
      state.image += state.scale * getVector(table, candidate.code) * moments;
      chosen.push_back(std::move(state));
    }
  states = std::move(chosen);
}
