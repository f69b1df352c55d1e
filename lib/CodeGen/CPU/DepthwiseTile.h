// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of a depthwise convolution: rows of the result that lie side by side,
// and 16 channels of each.
//
//   load the 16 channels' weights, all taps
//   for U places
//     U accumulators = 0
//     for each column of the window that one of the places needs
//       load 16 codes of each of its rows, four rows into 64 bytes
//       for each place that needs it: add up
//
// Four neighbouring taps of a column of the window are the four terms of a dot
// product. Places share what is loaded wherever their windows overlap.

#ifndef QFMT_LIB_CODEGEN_CPU_DEPTHWISETILE_H
#define QFMT_LIB_CODEGEN_CPU_DEPTHWISETILE_H

#include "IntegerTile.h"

namespace mlir::qfmt {

/// Where the terms of a depthwise convolution lie, in rows of channels.
struct DepthwiseRows {
  /// So many rows of the result, from a multiple of it on, move by `stride`.
  int64_t segment, stride;
  /// Of run r and term k: offsets[r * K + k], from the first one.
  SmallVector<int64_t> offsets;

  /// None if windows are too large, or differ from row to row.
  static std::optional<DepthwiseRows> find(const IntegerProduct &product);
};

class DepthwiseTile : public ProductTile {
public:
  /// Of a product that qfmt-pack-products has packed.
  DepthwiseTile(ImplicitLocOpBuilder &b, const IntegerProduct &product,
                const DepthwiseRows &rows, const ByteDotProduct &dot,
                const Epilogue &epilogue);

  /// A tile is a segment of rows, and 16 channels; a step is all terms.
  static Blocking chooseBlocking(const DepthwiseRows &rows);

  Value emitPart(ImplicitLocOpBuilder &b, const Rows &rows, const Panel &panel,
                 const Part &part, Value memory) override;
  Value emitLastPart(ImplicitLocOpBuilder &b, const Rows &rows,
                     const Panel &panel, const Part &part, Value memory,
                     Value output) override;

private:
  /// What `count` rows from `row` on write.
  Value emitRows(ImplicitLocOpBuilder &b, Value row, int64_t count,
                 const Cell &channels, ArrayRef<Value> weights, Value output);
  /// Four taps of 16 channels, by group.
  SmallVector<Value> loadTaps(ImplicitLocOpBuilder &b, Value first,
                              ArrayRef<int64_t> offsets, const Cell &channels);
  Value getFirst(ImplicitLocOpBuilder &b, Value row);

  IntegerProduct product;
  const DepthwiseRows &places;
  const ByteDotProduct &dot;
  const Epilogue &epilogue;
  /// Places x channels.
  Value lhs;
  /// [N/16][R * K/4][64].
  Value packed;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_DEPTHWISETILE_H
