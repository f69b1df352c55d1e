// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FewRows.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::qfmt {

using utils::IteratorType;

/// Of one tile of qfmt-groups-to-vectors.
constexpr int64_t kRowsOfTile = 6;
/// With more of them, unpacking codes once to memory costs no more than in
/// registers for each tile of rows.
constexpr int64_t kMaxRows = 64;
/// Columns that make up for the sums of a row's codes, which their offset
/// needs.
constexpr int64_t kColumnsPerRow = 4;

bool hasFewRows(const IntegerProduct &product) {
  int64_t most =
      std::max(std::min(kMaxRows, product.n / kColumnsPerRow), kRowsOfTile);
  return product.isRowMajor() &&
         (ShapedType::isDynamic(product.m) || product.m <= most);
}

CodeReading getSignedReading(bool isUnsigned) {
  return {isUnsigned, isUnsigned ? -128 : 0};
}

/// `codes` with their highest bits flipped.
static Value emitFlipped(ImplicitLocOpBuilder &b, Value codes) {
  auto type = cast<RankedTensorType>(codes.getType());
  AffineMap identity = b.getMultiDimIdentityMap(2);
  Value empty = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), codes), type.getElementType());
  return linalg::GenericOp::create(
             b, empty.getType(), codes, empty, ArrayRef{identity, identity},
             SmallVector<IteratorType>(2, IteratorType::parallel),
             [](OpBuilder &nested, Location loc, ValueRange args) {
               Value sign = arith::ConstantOp::create(
                   nested, loc, nested.getI8IntegerAttr(-128));
               Value flipped =
                   arith::XOrIOp::create(nested, loc, args[0], sign);
               linalg::YieldOp::create(nested, loc, flipped);
             })
      .getResult(0);
}

/// M x N x 1 sums.
static Value emitSums(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  int64_t n = cast<ShapedType>(rhs.getType()).getDimSize(0);
  Value zero = arith::ConstantIntOp::create(b, 0, 32);
  Value empty = tensor::EmptyOp::create(
      b,
      ArrayRef<OpFoldResult>{tensor::getMixedSize(b, b.getLoc(), lhs, 0),
                             b.getIndexAttr(n), b.getIndexAttr(1)},
      b.getI32Type());
  Value start = linalg::FillOp::create(b, zero, empty).getResult(0);
  auto map = [&](ArrayRef<unsigned> loops) {
    return AffineMap::getMultiDimMapWithTargets(4, loops, b.getContext());
  };
  SmallVector<IteratorType> iterators(3, IteratorType::parallel);
  iterators.push_back(IteratorType::reduction);
  return linalg::GenericOp::create(
             b, start.getType(), ValueRange{lhs, rhs}, start,
             ArrayRef{map({0, 2, 3}), map({1, 2, 3}), map({0, 1, 2})},
             iterators,
             [](OpBuilder &nested, Location loc, ValueRange args) {
               Type type = nested.getI32Type();
               Value left = arith::ExtSIOp::create(nested, loc, type, args[0]);
               Value right = arith::ExtSIOp::create(nested, loc, type, args[1]);
               Value term = arith::MulIOp::create(nested, loc, left, right);
               Value sum = arith::AddIOp::create(nested, loc, args[2], term);
               linalg::YieldOp::create(nested, loc, sum);
             })
      .getResult(0);
}

Value emitProductOfFewRows(ImplicitLocOpBuilder &b,
                           const IntegerProduct &product, bool isUnsigned,
                           Value rhs, Value init) {
  Value codes = product.lhs->get();
  if (isUnsigned)
    codes = emitFlipped(b, codes);
  OpFoldResult rows = tensor::getMixedSize(b, b.getLoc(), codes, 0);
  int64_t m = cast<ShapedType>(codes.getType()).getDimSize(0);
  auto type = RankedTensorType::get({m, 1, product.k}, b.getI8Type());
  Value lhs = tensor::ExpandShapeOp::create(
      b, type, codes, SmallVector<ReassociationIndices>{{0}, {1, 2}},
      SmallVector<OpFoldResult>{rows, b.getIndexAttr(1),
                                b.getIndexAttr(product.k)});
  Value sums = emitSums(b, lhs, rhs);
  AffineMap identity = b.getMultiDimIdentityMap(3);
  return linalg::GenericOp::create(
             b, init.getType(), sums, init,
             ArrayRef{identity, identity.getMajorSubMap(2)},
             ArrayRef{IteratorType::parallel, IteratorType::parallel,
                      IteratorType::reduction},
             [](OpBuilder &nested, Location loc, ValueRange args) {
               Value sum = arith::AddIOp::create(nested, loc, args[1], args[0]);
               linalg::YieldOp::create(nested, loc, sum);
             })
      .getResult(0);
}

} // namespace mlir::qfmt
