// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "BlockGrid.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::qfmt {

/// Rows of blocks that are begun before the next columns.
static constexpr int64_t kBlockRowsTogether = 8;

int64_t BlockGrid::getBlockColumns() {
  return llvm::divideCeil(op.getNumColumns(), columns);
}

gpu::LaunchOp BlockGrid::beginLaunch(KernelBuilder &b, int64_t threads,
                                     int64_t sharedBytes) {
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, value);
  };
  numRows = op.hasBatches()
                ? index(op.getBatchRows())
                : getValueOrCreateConstantIndexOp(
                      b, b.getLoc(),
                      memref::getMixedSize(b, b.getLoc(), op.getOut(), 0));
  Value one = index(1);
  Value blockRows = b.createOrFold<arith::CeilDivUIOp>(numRows, index(rows));
  Value blocks =
      b.createOrFold<arith::MulIOp>(blockRows, index(getBlockColumns()));
  if (op.hasBatches())
    blocks = index(llvm::divideCeil(op.getBatchRows(), rows) *
                   getBlockColumns() * (op.getNumRows() / op.getBatchRows()));
  auto launch =
      gpu::LaunchOp::create(b, blocks, one, one, index(threads), one, one,
                            /*dynamicSharedMemorySize=*/b.i32(sharedBytes));
  b.setInsertionPointToStart(&launch.getBody().front());
  return launch;
}

/// inside / height. LLVM makes a division of 16 bits of small numbers, for
/// which GPUs have no instruction; where rows are known all but the last ones
/// have the same height.
Value BlockGrid::emitColumn(KernelBuilder &b, Value inside, Value height) {
  if (getBlockColumns() == 1)
    return b.i32(0);
  int64_t size = op.getBatchRows();
  if (ShapedType::isDynamic(size))
    return b.div(inside, height);
  int64_t last = llvm::divideCeil(size, rows) % kBlockRowsTogether;
  Value column = b.div(inside, kBlockRowsTogether);
  if (last == 0)
    return column;
  return b.select(b.isLess(height, kBlockRowsTogether), b.div(inside, last),
                  column);
}

BlockOrigin BlockGrid::emitOrigin(KernelBuilder &b, gpu::LaunchOp launch) {
  BlockOrigin origin;
  Value known = b.toI32(numRows);
  Value block = b.toI32(launch.getBlockIds().x);
  Value blockRows = b.div(b.add(known, rows - 1), rows);
  if (op.hasBatches()) {
    int64_t blocksOfBatch =
        llvm::divideCeil(op.getBatchRows(), rows) * getBlockColumns();
    origin.batch = b.div(block, blocksOfBatch);
    block = b.rem(block, blocksOfBatch);
  }
  int64_t together = getBlockColumns() * kBlockRowsTogether;
  Value firstRow = b.mul(b.div(block, together), kBlockRowsTogether);
  Value height = b.min(b.sub(blockRows, firstRow), kBlockRowsTogether);
  Value inside = b.rem(block, together);
  Value column = emitColumn(b, inside, height);
  Value row = b.sub(inside, b.mul(column, height));
  origin.row = b.mul(b.add(firstRow, row), rows);
  origin.column = b.mul(column, columns);
  if (op.hasBatches()) {
    Value first = b.mul(origin.batch, op.getBatchRows());
    origin.row = b.add(origin.row, first);
    known = b.add(known, first);
  }
  int64_t size = op.getBatchRows();
  bool hasAllRows = !ShapedType::isDynamic(size) && size % rows == 0;
  origin.numRows = hasAllRows ? Value() : known;
  origin.hasAllColumns = op.getNumColumns() % columns == 0;
  return origin;
}

Value BlockGrid::emitShared(KernelBuilder &b) {
  auto type = MemRefType::get(
      {ShapedType::kDynamic}, b.getI8Type(), MemRefLayoutAttrInterface(),
      gpu::AddressSpaceAttr::get(b.getContext(), gpu::AddressSpace::Workgroup));
  Value memory = gpu::DynamicSharedMemoryOp::create(b, type);
  Value place = memref::ExtractAlignedPointerAsIndexOp::create(b, memory);
  Value address = arith::IndexCastOp::create(b, b.getI64Type(), place);
  return LLVM::IntToPtrOp::create(
      b, LLVM::LLVMPointerType::get(b.getContext(), kSharedMemory), address);
}

} // namespace mlir::qfmt
