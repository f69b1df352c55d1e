// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WgmmaWeights.h"
#include "SharedTile.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/SymbolTable.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

/// 16 columns of bytes in one store.
static constexpr int64_t kMostFragmentColumns = 8;

bool isCopiedByTensorMap(Value matrix) {
  auto type = cast<MemRefType>(matrix.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  auto isWhole = [](int64_t bytes) {
    return !ShapedType::isDynamic(bytes) && bytes % kPieceBytes == 0;
  };
  return type.getRank() == 2 && type.getElementType().isInteger(8) &&
         succeeded(type.getStridesAndOffset(strides, offset)) &&
         strides[1] == 1 && isWhole(strides[0]) && isWhole(offset);
}

Value copyForTensorMap(KernelBuilder &b, Value matrix) {
  auto type = cast<MemRefType>(matrix.getType());
  OpFoldResult rows = memref::getMixedSize(b, b.getLoc(), matrix, 0);
  OpFoldResult terms = b.getIndexAttr(type.getDimSize(1));
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  int64_t stride = llvm::alignTo(type.getDimSize(1), kPieceBytes);
  auto whole = MemRefType::get({type.getDimSize(0), stride}, b.getI8Type());
  SmallVector<Value> unknown;
  if (auto size = dyn_cast<Value>(rows))
    unknown.push_back(size);
  Value copy = memref::AllocOp::create(b, whole, unknown);
  // What is beyond the terms is never read.
  Value view = memref::SubViewOp::create(
      b, copy, ArrayRef{zero, zero}, ArrayRef{rows, terms}, ArrayRef{one, one});
  memref::CopyOp::create(b, matrix, view);
  return view;
}

static memref::GlobalOp getConstant(Value matrix) {
  auto read = matrix.getDefiningOp<memref::GetGlobalOp>();
  if (!read)
    return {};
  auto global = SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(
      read, read.getNameAttr());
  return global && global.getConstant() ? global : memref::GlobalOp();
}

/// Where the column lies that is number `place` of a run.
static int64_t getColumn(const FragmentShape &fragments, int64_t place) {
  int64_t tile = place / 8, column = place % 8;
  return column / 2 * fragments.getNumColumns() + 2 * tile + column % 2;
}

/// Runs of columns that are not there, and terms up to a multiple of 16, are
/// zeros.
static std::vector<int64_t> dealOut(ArrayRef<int64_t> values,
                                    ArrayRef<int64_t> from,
                                    ArrayRef<int64_t> to,
                                    const FragmentShape &fragments) {
  int64_t run = 8 * fragments.columns;
  std::vector<int64_t> bytes(to[0] * to[1]);
  for (int64_t place = 0; place < to[0]; ++place) {
    int64_t column = place / run * run + getColumn(fragments, place % run);
    if (column < from[0])
      for (int64_t term = 0; term < from[1]; ++term)
        bytes[place * to[1] + term] = int8_t(values[column * from[1] + term]);
  }
  return bytes;
}

/// The constant in its new order, and its use.
static Value makeConstant(KernelBuilder &b, memref::GlobalOp global,
                          const FragmentShape &fragments,
                          ArrayRef<int64_t> values) {
  ArrayRef<int64_t> from = global.getType().getShape();
  int64_t to[] = {int64_t(llvm::alignTo(from[0], 8 * fragments.columns)),
                  int64_t(llvm::alignTo(from[1], kPieceBytes))};
  std::vector<int64_t> bytes = dealOut(values, from, to, fragments);
  auto type = MemRefType::get(to, b.getI8Type());
  ElementsAttr content = makeIntegers(RankedTensorType::get(to, b.getI8Type()),
                                      bytes, global.getSymName());
  memref::GlobalOp made;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(global);
    made = memref::GlobalOp::create(b, (global.getSymName() + "_wgmma").str(),
                                    b.getStringAttr("private"), type, content,
                                    /*constant=*/true,
                                    /*alignment=*/b.getI64IntegerAttr(64));
  }
  SymbolTable(global->getParentOp()).insert(made);
  return memref::GetGlobalOp::create(b, type, made.getSymName());
}

FailureOr<WgmmaWeights> prepareWgmmaWeights(KernelBuilder &b,
                                            kernel::ProductOp op,
                                            int64_t columns,
                                            StringRef &whyNot) {
  Value matrix = op.getRhs();
  memref::GlobalOp global = getConstant(matrix);
  if (global && global.getInitialValue()) {
    FragmentShape fragments = {1, std::min(columns / 8, kMostFragmentColumns)};
    if (auto values = readIntegers(*global.getInitialValue()))
      return WgmmaWeights{makeConstant(b, global, fragments, *values),
                          fragments};
  }
  if (!isCopiedByTensorMap(matrix) && op.hasFloats())
    return WgmmaWeights{copyForTensorMap(b, matrix), {1, 1}};
  if (!isCopiedByTensorMap(matrix)) {
    whyNot = "rows of the right factor do not begin at multiples of 16 bytes";
    return failure();
  }
  return WgmmaWeights{matrix, {1, 1}};
}

} // namespace mlir::qfmt
