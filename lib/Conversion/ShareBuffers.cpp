//===- ShareBuffers.cpp - One piece of memory for large buffers -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  functions on buffers that are allocated and deallocated.
// Output: large buffers of known size as views of one allocation; those that
// are not alive together share bytes.
//
// The C library gets large memory from the system and gives it back, page by
// page, at each allocation and deallocation; one allocation a call it keeps.
// Small buffers stay: they cost little, and LLVM knows that they do not overlap
// others.
//
// Only buffers of a function's one block are taken. Others are allocated in
// loops, or live on after the call.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "qfmt/Conversion/Passes.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_SHAREBUFFERS
#include "qfmt/Conversion/Passes.h.inc"

namespace {

/// Every buffer begins at a multiple of so many bytes, as a line of the cache.
constexpr int64_t kAlignment = 64;

struct Buffer {
  memref::AllocOp alloc;
  memref::DeallocOp dealloc;
  int64_t bytes;
  /// Places in the block between which it is alive, both included.
  int64_t first, last;
  int64_t offset = 0;

  bool isAliveWith(const Buffer &other) const {
    return first <= other.last && other.first <= last;
  }
};

/// Null if it is deallocated elsewhere, or under a condition.
memref::DeallocOp findDealloc(memref::AllocOp alloc) {
  for (Operation *user : alloc->getUsers())
    if (auto dealloc = dyn_cast<memref::DeallocOp>(user))
      return dealloc->getBlock() == alloc->getBlock() ? dealloc : nullptr;
  return nullptr;
}

/// None if its elements take no whole bytes, or its size is not known.
std::optional<int64_t> getBytes(MemRefType type) {
  if (!type.hasStaticShape() || !type.getLayout().isIdentity() ||
      type.getMemorySpace() || !type.getElementType().isIntOrFloat() ||
      type.getElementTypeBitWidth() % 8 != 0)
    return std::nullopt;
  return type.getNumElements() * (type.getElementTypeBitWidth() / 8);
}

SmallVector<Buffer> findBuffers(Block &block, int64_t minBytes) {
  llvm::DenseMap<Operation *, int64_t> places;
  for (auto [place, op] : llvm::enumerate(block))
    places[&op] = place;
  SmallVector<Buffer> buffers;
  for (auto alloc : block.getOps<memref::AllocOp>()) {
    std::optional<int64_t> bytes = getBytes(alloc.getType());
    memref::DeallocOp dealloc = findDealloc(alloc);
    bool isAligned = alloc.getAlignment().value_or(1) <= kAlignment;
    if (bytes && dealloc && *bytes >= minBytes && isAligned)
      buffers.push_back(
          {alloc, dealloc, *bytes, places[alloc], places[dealloc]});
  }
  return buffers;
}

/// Gives each buffer the lowest place that is free while it is alive, large
/// ones first; returns the size of all.
int64_t assignOffsets(MutableArrayRef<Buffer> buffers) {
  SmallVector<Buffer *> bySize;
  for (Buffer &buffer : buffers)
    bySize.push_back(&buffer);
  llvm::sort(bySize, [](const Buffer *a, const Buffer *b) {
    return std::pair(-a->bytes, a->first) < std::pair(-b->bytes, b->first);
  });
  int64_t size = 0;
  // Those that have a place, by offset.
  SmallVector<Buffer *> placed;
  for (Buffer *buffer : bySize) {
    for (const Buffer *other : placed) {
      if (!buffer->isAliveWith(*other))
        continue;
      if (buffer->offset + buffer->bytes <= other->offset)
        break;
      int64_t end = llvm::alignTo(other->offset + other->bytes, kAlignment);
      buffer->offset = std::max(buffer->offset, end);
    }
    size = std::max(size, buffer->offset + buffer->bytes);
    placed.insert(llvm::upper_bound(placed, buffer,
                                    [](const Buffer *a, const Buffer *b) {
                                      return a->offset < b->offset;
                                    }),
                  buffer);
  }
  return size;
}

void shareBuffers(Block &block, int64_t minBytes) {
  SmallVector<Buffer> buffers = findBuffers(block, minBytes);
  if (buffers.size() < 2)
    return;
  int64_t size = assignOffsets(buffers);
  OpBuilder b(&block, block.begin());
  Location loc = buffers.front().alloc.getLoc();
  Value memory =
      memref::AllocOp::create(b, loc, MemRefType::get({size}, b.getI8Type()),
                              b.getI64IntegerAttr(kAlignment));
  for (Buffer &buffer : buffers) {
    b.setInsertionPoint(buffer.alloc);
    Location loc = buffer.alloc.getLoc();
    Value offset = arith::ConstantIndexOp::create(b, loc, buffer.offset);
    Value view = memref::ViewOp::create(b, loc, buffer.alloc.getType(), memory,
                                        offset, ValueRange());
    buffer.dealloc.erase();
    buffer.alloc.replaceAllUsesWith(view);
    buffer.alloc.erase();
  }
  b.setInsertionPoint(block.getTerminator());
  memref::DeallocOp::create(b, loc, memory);
}

struct ShareBuffersPass : impl::ShareBuffersBase<ShareBuffersPass> {
  using ShareBuffersBase::ShareBuffersBase;

  void runOnOperation() override {
    Region &body = getOperation().getFunctionBody();
    if (body.hasOneBlock())
      shareBuffers(body.front(), minBytes);
  }
};

} // namespace
} // namespace mlir::qfmt
