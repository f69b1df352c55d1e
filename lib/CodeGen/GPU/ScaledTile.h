// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernel of qfmt_gpu.scaled_product. Weights are the left factor of
// mma.sync, 16 columns of the product, and activations the right one, 8 rows.
// Both come to registers directly: each weight is read once for a block of
// rows, and few rows are in the first cache.
//
// A warp has one strip of 16 columns, all rows of the block, and every
// `termWarps`-th tile of terms. Its sum is f32: parts of a tile that are in one
// group are added up by mma.sync beginning with 0, converted to f32, multiplied
// by the column's and by the row's scale, and added in the order of terms; each
// step is rounded. Then the sums of the warps are added in their order.

#ifndef QFMT_LIB_CODEGEN_GPU_SCALEDTILE_H
#define QFMT_LIB_CODEGEN_GPU_SCALEDTILE_H

#include "FewBitFragments.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"

namespace mlir::qfmt {

/// What a block of threads computes.
struct ScaledBlock {
  /// A multiple of 8.
  int64_t rows;
  /// Warps beside each other, a strip each, and warps that share its terms.
  int64_t columnWarps, termWarps;

  int64_t getThreads() const { return columnWarps * termWarps * kWarpLanes; }
  int64_t getColumns() const { return columnWarps * kStripColumns; }
};

class ScaledTile {
public:
  ScaledTile(KernelBuilder &b, kernel::ScaledProductOp op,
             const ScaledBlock &block);

  /// A launch that computes all of the result, which has at least one row.
  void emitLaunch();

private:
  /// An operand of the body.
  struct Extra {
    GlobalBuffer buffer;
    AffineMap map;
  };
  using Words = SmallVector<Value>;

  void enter(gpu::LaunchOp launch);
  void placeLane();
  SmallVector<Value> emitTiles();
  void emitTile(Value tile, MutableArrayRef<Value> sums);
  void emitUnit(Value firstTerm, int64_t unit, ArrayRef<Value> codes,
                MutableArrayRef<Value> parts);
  void emitScaledSums(Value firstTerm, int64_t part, ArrayRef<Value> parts,
                      MutableArrayRef<Value> sums);
  Words emitActivations(Value row, Value firstTerm);
  void emitProducts(ArrayRef<Value> weights, ArrayRef<Value> activations,
                    MutableArrayRef<Value> parts);
  Value emitPartSum(Value part);
  void emitStore(ArrayRef<Value> sums, Value shared);
  void emitElement(Value place, Value shared);
  Value emitBody(Value sum, Value row, Value column);
  Value clampRow(Value row);

  int64_t getNumTileRows() const { return block.rows / 8; }
  int64_t getNumStrips() const;
  /// True if the last tile has no terms from its term `first` on. Units and
  /// parts are there or not as a whole.
  bool hasTail(int64_t first) const {
    int64_t before = (layout.getNumTiles() - 1) * layout.getTileTerms();
    return before + first >= layout.getNumTerms();
  }
  Type getSumType();

  KernelBuilder &b;
  kernel::ScaledProductOp op;
  ScaledBlock block;
  FewBitLayout layout;
  FewBitFragments fragments;
  GlobalBuffer lhs, codes, out;
  std::optional<GlobalBuffer> columnScales, rowScales;
  std::vector<Extra> extras;

  // In the kernel, of 32 bits.
  Value thread, lane, group, quad, termWarp, columnWarp;
  Value strip, firstRow, firstColumn, numRows;
  /// Of each tile of 8 rows: the lane's row of activations.
  SmallVector<Value> rows;
  IRMapping constants;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_SCALEDTILE_H
