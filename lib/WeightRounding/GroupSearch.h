//===- GroupSearch.h - The codes of single groups ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Around any values v of a group the loss is a quadratic function of them,
//
//   loss(v + d) = loss(v) + 2 image . d + d moments d^T,
//
// where `moments` is the same for the groups of a pattern in all rows. To put
// vector u of a table in the place of another costs what remains without the
// other, a product of `image` there with u, and u moments u^T, which is known
// for all vectors before: so all groups of a pattern are tried against a table
// in one product of matrices.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_WEIGHTROUNDING_GROUPSEARCH_H
#define QFMT_LIB_WEIGHTROUNDING_GROUPSEARCH_H

#include "Matrix.h"
#include "qfmt/WeightRounding/AdditiveGrid.h"

namespace mlir::qfmt {

/// One way to code a group.
struct GroupState {
  /// States of one owner compete.
  int64_t owner;
  /// Whatever the caller wants to know of what this state began as.
  int64_t origin;
  double scale, loss;
  /// One a table, or kNoCode, which is a vector of zeros.
  llvm::SmallVector<uint32_t, 4> codes;
  Eigen::RowVectorXd image;

  static constexpr uint32_t kNoCode = ~uint32_t(0);
};

class GroupSearch {
public:
  /// `moments`: [depth, depth] or part of it, indexed by `columns`: of each
  /// place its column. Places in different rows have nothing in common.
  GroupSearch(const AdditiveGrid &grid, const AdditiveGrid::Pattern &pattern,
              llvm::ArrayRef<int64_t> columns, const Matrix &moments,
              unsigned beam);

  const Matrix &getMoments() const { return moments; }

  /// Replaces the code of each table in turn by those with the smallest losses:
  /// of each owner the best `beam` states remain, the best one first. States of
  /// an owner lie side by side, before and after.
  void run(std::vector<GroupState> &states) const;

private:
  struct Candidate {
    double loss;
    size_t state;
    uint32_t code;
  };

  void replace(int64_t table, std::vector<GroupState> &states) const;
  void offer(const Candidate &candidate, llvm::ArrayRef<GroupState> states,
             int64_t table, llvm::SmallVectorImpl<Candidate> &best) const;
  auto getVector(int64_t table, uint32_t code) const {
    int64_t size = grid.getGroupSize();
    return Eigen::Map<const Eigen::RowVectorXd>(
        grid.getTable(table) + code * size, size);
  }

  const AdditiveGrid &grid;
  unsigned beam;
  /// [groupSize][groupSize]
  Matrix moments;
  /// u moments u^T, [numTables][numVectors]
  Matrix squares;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_WEIGHTROUNDING_GROUPSEARCH_H
