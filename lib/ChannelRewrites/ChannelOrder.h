//===- ChannelOrder.h - Channels by magnitude -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Orders of channels for formats whose blocks share a scale: an outlier costs
// the channels of its block their bits, so that outliers should share blocks.
// Sorted by norm, the sum over blocks of the largest squared norm is the least
// that any order has. (Errors are not in proportion to it where blocks hold
// numbers so small that they become 0: these lose no more than themselves.)
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CHANNELREWRITES_CHANNELORDER_H
#define QFMT_LIB_CHANNELREWRITES_CHANNELORDER_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include <vector>

namespace mlir::qfmt {

/// Which channels of a run of channels form a pair.
enum class ChannelPairs {
  None,
  /// i and i + size / 2 (rotary embedding of two halves).
  Halves,
  /// 2i and 2i + 1.
  Neighbours
};

/// order[i] is the channel that becomes channel i. Channels move only within
/// runs of `run`, which divides their number: descending by `norms`; of equal
/// ones the first remains the first. With pairs, only these change places,
/// descending by the root of the sum of the squares of their norms; `run` is
/// even then.
std::vector<int64_t> getDescendingOrder(ArrayRef<double> norms, int64_t run,
                                        ChannelPairs pairs);

/// An order that moves every channel as far as these rules let orders do: what
/// can absorb it can absorb any. Runs next to each other differ, unless they
/// are `tied`: then all runs have the same order.
std::vector<int64_t> getProbeOrder(int64_t channels, int64_t run,
                                   ChannelPairs pairs, bool tied);

/// For each channel the root of the mean over runs of its squared norm: by
/// which orders of tied runs are found.
std::vector<double> tieRuns(ArrayRef<double> norms, int64_t run);

/// Divisors of `channels` but 1, largest first: the runs that may be tried.
std::vector<int64_t> getRuns(int64_t channels);

/// found[i] is the row of `in` that equals row i of `rows`, both rows of `size`
/// numbers; each is found once. Empty if they have not the same rows.
std::vector<int64_t> findRows(ArrayRef<double> rows, ArrayRef<double> in,
                              int64_t size);

/// From [n][size] to [size][n].
std::vector<double> transposeRows(ArrayRef<double> rows, int64_t size);

/// Column order[i] becomes column i; `rows` are rows of order.size() numbers.
std::vector<double> permuteColumns(ArrayRef<double> rows,
                                   ArrayRef<int64_t> order);

/// The part [first, first + size) of each row of `channels` numbers.
std::vector<double> getColumns(ArrayRef<double> rows, int64_t channels,
                               int64_t first, int64_t size);

/// The norm of each row of `size` numbers; the root mean square of each column.
std::vector<double> getRowNorms(ArrayRef<double> rows, int64_t size);
std::vector<double> getColumnSizes(ArrayRef<double> rows, int64_t channels);

/// About the squared errors of rounding to blocks of `block` along rows of
/// `channels` numbers, each with the scale with which integers of `bits` bits
/// (2 to 32) reach its largest magnitude: step^2 / 12 for each number, but no
/// more than its square. The last block of a row may have fewer elements. With
/// `block` = 0 a row is one block. The errors of each channel count by its
/// factor, 1 if there are none.
double getBlockLoss(ArrayRef<double> rows, int64_t channels, int64_t block,
                    unsigned bits, ArrayRef<double> factors = {});

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_CHANNELORDER_H
