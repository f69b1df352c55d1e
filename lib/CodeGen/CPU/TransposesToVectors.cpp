//===- TransposesToVectors.cpp - Transposes by blocks of 16 bytes ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  linalg.generic on buffers of known sizes that only copies elements of
// 8, 16 or 32 bits, and whose last dimensions are different loops.
// Output: loops over squares of B x B elements, B of which are 16 bytes: B
// vectors are loaded along the source's last dimension, interleaved log2 B
// times, and stored along the destination's. What is left at the edges moves
// element by element.
//
// Copies whose squares do not fit are left alone.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/CPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_TRANSPOSESTOVECTORS
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

constexpr int64_t kBytes = 16;

struct Transpose {
  Value source, destination;
  AffineMap sourceMap, destinationMap;
  SmallVector<int64_t> sizes;
  /// The loops of the last dimensions.
  unsigned from, to;
  /// B of the file comment.
  int64_t block;
};

std::optional<Transpose> matchTranspose(linalg::GenericOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInputs() != 1 ||
      op.getNumDpsInits() != 1 || op.getNumReductionLoops() != 0 ||
      op.getBody()->getTerminator()->getOperand(0) !=
          op.getBody()->getArgument(0))
    return std::nullopt;
  Transpose transpose;
  transpose.source = op.getDpsInputs()[0];
  transpose.destination = op.getDpsInits()[0];
  transpose.sourceMap = op.getIndexingMapsArray()[0];
  transpose.destinationMap = op.getIndexingMapsArray()[1];
  transpose.sizes = op.getStaticLoopRanges();
  auto source = dyn_cast<MemRefType>(transpose.source.getType());
  auto destination = cast<MemRefType>(transpose.destination.getType());
  if (!source || !transpose.sourceMap.isPermutation() ||
      !transpose.destinationMap.isPermutation() ||
      ShapedType::isDynamicShape(transpose.sizes) ||
      !source.isLastDimUnitStride() || !destination.isLastDimUnitStride() ||
      transpose.sizes.size() < 2 || !source.getElementType().isIntOrFloat())
    return std::nullopt;
  unsigned bits = source.getElementTypeBitWidth();
  if (bits != 8 && bits != 16 && bits != 32)
    return std::nullopt;
  unsigned last = transpose.sizes.size() - 1;
  transpose.from = transpose.sourceMap.getDimPosition(last);
  transpose.to = transpose.destinationMap.getDimPosition(last);
  transpose.block = kBytes * 8 / bits;
  if (transpose.from == transpose.to ||
      transpose.sizes[transpose.from] < transpose.block ||
      transpose.sizes[transpose.to] < transpose.block)
    return std::nullopt;
  return transpose;
}

class Emitter {
public:
  Emitter(linalg::GenericOp op, const Transpose &transpose)
      : b(op.getLoc(), op), transpose(transpose),
        position(transpose.sizes.size()) {}

  void emit() {
    SmallVector<unsigned> others;
    for (unsigned loop = 0; loop < position.size(); ++loop)
      if (loop != transpose.from && loop != transpose.to)
        others.push_back(loop);
    emitOthers(others);
  }

private:
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }

  void emitFor(unsigned loop, int64_t begin, int64_t end, int64_t step,
               llvm::function_ref<void()> body) {
    if (begin == end)
      return;
    auto outer = scf::ForOp::create(b, index(begin), index(end), index(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(outer.getBody());
    position[loop] = outer.getInductionVar();
    body();
  }

  void emitOthers(ArrayRef<unsigned> loops) {
    if (!loops.empty())
      return emitFor(loops.front(), 0, transpose.sizes[loops.front()], 1,
                     [&] { emitOthers(loops.drop_front()); });
    int64_t block = transpose.block;
    unsigned from = transpose.from, to = transpose.to;
    int64_t allFrom = transpose.sizes[from], allTo = transpose.sizes[to];
    int64_t wholeFrom = allFrom / block * block;
    int64_t wholeTo = allTo / block * block;
    emitFor(from, 0, wholeFrom, block, [&] {
      emitFor(to, 0, wholeTo, block, [&] { emitSquare(); });
      emitElements(to, wholeTo, allTo, block);
    });
    emitFor(to, 0, allTo, 1, [&] {
      emitFor(from, wholeFrom, allFrom, 1, [&] { emitElement(); });
    });
  }

  /// `count` elements along `from` for each element of a range along `loop`.
  void emitElements(unsigned loop, int64_t begin, int64_t end, int64_t count) {
    emitFor(loop, begin, end, 1, [&] {
      Value first = position[transpose.from];
      auto inner = scf::ForOp::create(b, index(0), index(count), index(1));
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(inner.getBody());
      position[transpose.from] =
          arith::AddIOp::create(b, first, inner.getInductionVar());
      emitElement();
      position[transpose.from] = first;
    });
  }

  /// Where an element lies, `offset` further along `loop`.
  SmallVector<Value> getIndices(AffineMap map, unsigned loop, int64_t offset) {
    SmallVector<Value> indices;
    for (unsigned i = 0; i < map.getNumResults(); ++i) {
      unsigned dim = map.getDimPosition(i);
      Value at = position[dim];
      if (dim == loop && offset != 0)
        at = arith::AddIOp::create(b, at, index(offset));
      indices.push_back(at);
    }
    return indices;
  }

  void emitElement() {
    Value element = memref::LoadOp::create(
        b, transpose.source, getIndices(transpose.sourceMap, 0, 0));
    memref::StoreOp::create(b, element, transpose.destination,
                            getIndices(transpose.destinationMap, 0, 0));
  }

  void emitSquare() {
    int64_t block = transpose.block;
    auto type = VectorType::get(
        block, getElementTypeOrSelf(transpose.source.getType()));
    SmallVector<Value> rows;
    for (int64_t i = 0; i < block; ++i)
      rows.push_back(vector::LoadOp::create(
          b, type, transpose.source,
          getIndices(transpose.sourceMap, transpose.to, i)));
    // Element j of vector i has the number i B + j; interleaving vectors that
    // lie half of all apart moves the number's bits by one place, in a circle.
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < block / 2; ++i) {
      low.append({i, i + block});
      high.append({i + block / 2, i + block / 2 + block});
    }
    for (int64_t round = block; round > 1; round /= 2) {
      SmallVector<Value> next;
      for (int64_t i = 0; i < block / 2; ++i) {
        Value first = rows[i], second = rows[i + block / 2];
        next.push_back(vector::ShuffleOp::create(b, first, second, low));
        next.push_back(vector::ShuffleOp::create(b, first, second, high));
      }
      rows = next;
    }
    for (int64_t i = 0; i < block; ++i)
      vector::StoreOp::create(
          b, rows[i], transpose.destination,
          getIndices(transpose.destinationMap, transpose.from, i));
  }

  ImplicitLocOpBuilder b;
  const Transpose &transpose;
  /// The loops' values where the builder stands.
  SmallVector<Value> position;
};

struct TransposesToVectorsPass
    : impl::TransposesToVectorsBase<TransposesToVectorsPass> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> generics;
    getOperation()->walk([&](linalg::GenericOp op) { generics.push_back(op); });
    for (linalg::GenericOp op : generics)
      if (std::optional<Transpose> transpose = matchTranspose(op)) {
        Emitter(op, *transpose).emit();
        op.erase();
      }
  }
};

} // namespace
} // namespace mlir::qfmt
