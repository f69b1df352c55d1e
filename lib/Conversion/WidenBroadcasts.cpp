//===- WidenBroadcasts.cpp - Conversions before the loop nest -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  linalg.generic on buffers, before it becomes vector loops.
// Output: the same; narrow inputs that are broadcast in a reduction come from
//         buffers in which they are converted already. No number changes.
//
//===----------------------------------------------------------------------===//

#include "LoopStrides.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/CastInterfaces.h"
#include "qfmt/Conversion/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_WIDENBROADCASTS
#include "qfmt/Conversion/Passes.h.inc"

namespace {

/// An element that is read fewer times is not worth writing.
constexpr int64_t kMinReads = 16;
/// Larger buffers would leave the caches.
constexpr int64_t kMaxBytes = 4 << 20;

/// How often each element of the operand is read along parallel loops, or
/// nothing if a size is dynamic.
std::optional<int64_t> getNumReads(linalg::GenericOp op, OpOperand &operand) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  SmallVector<unsigned> parallel;
  op.getParallelDims(parallel);
  int64_t reads = 1;
  for (unsigned loop : parallel) {
    int64_t size = op.getStaticLoopRanges()[loop];
    if (ShapedType::isDynamic(size))
      return std::nullopt;
    if (!map.isFunctionOfDim(loop))
      reads *= size;
  }
  return reads;
}

/// The one operation that uses the operand's value, if it is a conversion to a
/// wider type of at most 32 bits.
Operation *getConversion(linalg::GenericOp op, OpOperand &operand) {
  BlockArgument argument = op.getMatchingBlockArgument(&operand);
  if (!argument.hasOneUse())
    return nullptr;
  Operation *user = *argument.getUsers().begin();
  if (!isa<CastOpInterface>(user) || user->getNumOperands() != 1 ||
      user->getNumResults() != 1)
    return nullptr;
  Type from = argument.getType(), to = user->getResult(0).getType();
  if (!from.isIntOrFloat() || !to.isIntOrFloat() ||
      from.getIntOrFloatBitWidth() >= to.getIntOrFloatBitWidth() ||
      to.getIntOrFloatBitWidth() > 32)
    return nullptr;
  return user;
}

bool isWorthwhile(linalg::GenericOp op, OpOperand &operand,
                  unsigned vectorLoop) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (!type || !type.hasStaticShape() ||
      getLoopStride(op, operand, vectorLoop) != 0 ||
      !getConversion(op, operand) || type.getNumElements() * 4 > kMaxBytes)
    return false;
  std::optional<int64_t> reads = getNumReads(op, operand);
  return reads && *reads >= kMinReads;
}

/// A contiguous buffer as one row: the rows of a 3 x 3 window are too short for
/// vectors.
Value flatten(OpBuilder &b, Location loc, Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  if (type.getRank() < 2)
    return buffer;
  ReassociationIndices all =
      llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  return memref::CollapseShapeOp::create(b, loc, buffer,
                                         ArrayRef<ReassociationIndices>{all});
}

/// Converts the operand to a buffer that lives as long as `op` runs.
void widen(linalg::GenericOp op, OpOperand &operand) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  Operation *conversion = getConversion(op, operand);
  Type element = conversion->getResult(0).getType();
  auto type = cast<MemRefType>(operand.get().getType());
  auto wideType = MemRefType::get(type.getShape(), element);
  Value wide =
      memref::AllocOp::create(b, loc, wideType, b.getI64IntegerAttr(64));
  bool contiguous = type.getLayout().isIdentity();
  Value from = contiguous ? flatten(b, loc, operand.get()) : operand.get();
  Value to = contiguous ? flatten(b, loc, wide) : wide;
  int64_t rank = cast<MemRefType>(from.getType()).getRank();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  linalg::GenericOp::create(
      b, loc, from, to, ArrayRef<AffineMap>{identity, identity}, iterators,
      [&](OpBuilder &nested, Location, ValueRange arguments) {
        Operation *copy = nested.clone(*conversion);
        copy->setOperand(0, arguments.front());
        linalg::YieldOp::create(nested, loc, copy->getResult(0));
      });
  BlockArgument argument = op.getMatchingBlockArgument(&operand);
  argument.setType(element);
  conversion->getResult(0).replaceAllUsesWith(argument);
  conversion->erase();
  operand.set(wide);
  b.setInsertionPointAfter(op);
  memref::DeallocOp::create(b, loc, wide);
}

struct WidenBroadcastsPass : impl::WidenBroadcastsBase<WidenBroadcastsPass> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> reductions;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.hasPureBufferSemantics() && op.getNumReductionLoops() > 0)
        reductions.push_back(op);
    });
    for (linalg::GenericOp op : reductions) {
      std::optional<unsigned> vectorLoop = findVectorLoop(op);
      if (!vectorLoop)
        continue;
      for (OpOperand *input : op.getDpsInputOperands())
        if (isWorthwhile(op, *input, *vectorLoop))
          widen(op, *input);
    }
  }
};

} // namespace
} // namespace mlir::qfmt
