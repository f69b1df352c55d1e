//===- WeightRounding.h - Rounding that knows the data ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding the weights W of a layer to a grid such that its results, not its
// weights, are near to what they were. If x are the data that one result is
// computed from and H = E[x x^T] their second moments, weights W' change the
// results by a mean squared error of
//
//   L(W') = sum over rows d of W' - W of  d H d^T,
//
// which is a sum over rows: each is rounded on its own. Matrices are row-major:
// weights [rows][depth], H [depth][depth], symmetric.
//
//   nearest           each weight alone
//   GPTQ              column by column; what is not yet rounded makes up for
//                     the error (Frantar et al., ICLR 2023)
//   coordinate descent  one weight after the other to its best level, until
//                     nothing changes (learned rounding, as in
//                     Nagel et al., ICML 2020, and NUPES, without gradients)
//
// For any set of levels: integers, minifloats, codebooks. No IR.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_WEIGHTROUNDING_WEIGHTROUNDING_H
#define QFMT_WEIGHTROUNDING_WEIGHTROUNDING_H

#include "qfmt/WeightRounding/LevelGrid.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>

namespace mlir::qfmt {

/// One matrix of weights; all of it is borrowed.
struct RoundingProblem {
  int64_t rows, depth;
  /// W.
  llvm::ArrayRef<double> weights;
  /// H; its lower triangle is read. Not negative definite, finite.
  llvm::ArrayRef<double> moments;
};

/// By element.
using Levels = std::vector<uint32_t>;

/// L by row. Never negative.
std::vector<double> getRowLosses(const RoundingProblem &problem,
                                 const LevelGrid &grid,
                                 llvm::ArrayRef<uint32_t> levels);

/// The same of any weights W', [rows][depth].
std::vector<double> getRowLosses(const RoundingProblem &problem,
                                 llvm::ArrayRef<double> rounded);

struct GptqOptions {
  /// Of the mean of H's diagonal, added to it.
  double damping = 0.01;
  /// Columns with large moments first, while many are left to make up for them.
  /// Codes stay in their places. Not with `choose`.
  bool byMoments = true;
  /// Sets of columns that share a block in each row, each column in one of
  /// them. With these, `choose` is called before the columns of a set are
  /// rounded, with the number of the set and the weights as they are then: it
  /// may set the scales of these blocks.
  std::vector<llvm::SmallVector<int64_t>> sets = {};
  llvm::function_ref<void(size_t, llvm::ArrayRef<double>)> choose = {};
};

/// GPTQ. None if H plus the damping is not positive definite, as far as doubles
/// can tell.
std::optional<Levels> roundByErrorFeedback(const RoundingProblem &problem,
                                           LevelGrid &grid,
                                           const GptqOptions &options);

/// Changes `levels` where that lowers L, one weight at a time, to whatever
/// level is best; at most `sweeps` times over all weights. Returns how many
/// sweeps changed something. L of no row rises.
unsigned improveByCoordinateDescent(const RoundingProblem &problem,
                                    const LevelGrid &grid, Levels &levels,
                                    unsigned sweeps = 20);

/// What a block may have instead of what it has.
struct BlockChoice {
  int32_t block;
  double scale, zeroPoint;
  uint32_t format;
};

/// Goes once over all blocks whose elements lie in one row: rounds them anew
/// with error feedback and coordinate descent within the block, while the rest
/// of the row stays, as they are in `grid` and with each of their `choices`,
/// and takes what lowers L most. Returns the choices that were taken, in order;
/// `grid` has them. `active`: the rows to look at; those where nothing changes
/// leave it, since another time would not change them either. L of no row
/// rises.
std::vector<size_t> improveByBlockChoices(const RoundingProblem &problem,
                                          LevelGrid &grid, Levels &levels,
                                          llvm::ArrayRef<BlockChoice> choices,
                                          std::vector<bool> &active,
                                          double damping = 0.01);

} // namespace mlir::qfmt

#endif // QFMT_WEIGHTROUNDING_WEIGHTROUNDING_H
