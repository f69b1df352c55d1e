// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops of linalg operations on blocked tensors.
//
// A dimension of size d with blocks of B elements becomes two, ceildiv(d, B) x
// B, by expand_shape; the tensor is padded with zeros to whole blocks first.
// Then tensors with one entry a block are indexed by loop variables alone:
// upstream tiling of a floordiv in an indexing map is wrong. Grid dimensions of
// size 1 are dropped for the same reason.
//
//   tensor<6x40>, block [1, 32]   ->  loops 6 x 2 x 32
//   grid tensor<6x2>              ->  map (d0, d1, d2) -> (d0, d1)
//   tensor<6x40>, block [1, *]    ->  loops 6 x 40
//   grid tensor<6x1>              ->  tensor<6>, map (d0, d1) -> (d0)

#ifndef QFMT_LIB_TRANSFORMS_FORMATLOWERING_BLOCKLOOPS_H
#define QFMT_LIB_TRANSFORMS_FORMATLOWERING_BLOCKLOOPS_H

#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "qfmt/Conversion/ScalarOps.h"

namespace mlir::qfmt {

class BlockLoops {
public:
  /// `block` has one entry a dimension (ShapedType::kDynamic: the whole
  /// dimension), or none: the tensor is one block.
  BlockLoops(MLIRContext *context, ArrayRef<int64_t> shape,
             ArrayRef<int64_t> block);

  unsigned getNumLoops() const { return numLoops; }
  AffineMap getElementMap() const;
  AffineMap getGridMap() const;
  /// True if neighbours in the last dimension are in one block, mostly.
  bool sharesInnermost() const;
  /// Reduction over the elements of a block.
  SmallVector<utils::IteratorType> getReductionIterators() const;

  /// A tensor of the shape, padded to whole blocks and split. `padding` is 0 if
  /// it is null.
  Value split(OpBuilder &builder, Location loc, Value tensor,
              TypedAttr padding = {}) const;
  /// The inverse; `like`, a tensor of the shape, gives the sizes.
  Value join(OpBuilder &builder, Location loc, Value tensor, Value like) const;

  /// The row-major distance of neighbours in each dimension of the tensor
  /// `like` of the shape.
  SmallVector<Value> createStrides(OpBuilder &builder, Location loc,
                                   Value like) const;
  /// In a body of the loops: the element's number in the tensor, row-major, an
  /// index.
  Value emitElementNumber(ScalarBuilder &b, ArrayRef<Value> strides) const;

  /// An uninitialized grid tensor, unit dimensions dropped, for the blocks of
  /// the split tensor `like`.
  Value createGrid(OpBuilder &builder, Location loc, Value like,
                   Type element) const;
  /// A grid tensor without the dimensions of a single block.
  Value dropUnitDims(OpBuilder &builder, Location loc, Value grid) const;
  /// The inverse.
  Value addUnitDims(OpBuilder &builder, Location loc, Value grid) const;

private:
  struct Dim {
    /// Its first loop.
    unsigned loop;
    /// True if there is one block: no grid index.
    bool isWhole;
    /// Size of the blocks if there is a second loop over them.
    std::optional<int64_t> inner;
  };

  bool isSplit() const;
  SmallVector<ReassociationIndices> getSplitReassociation() const;
  SmallVector<ReassociationIndices> getGridReassociation() const;

  MLIRContext *context;
  SmallVector<int64_t> shape;
  SmallVector<Dim> dims;
  unsigned numLoops = 0;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_FORMATLOWERING_BLOCKLOOPS_H
