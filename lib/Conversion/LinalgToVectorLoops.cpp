//===- LinalgToVectorLoops.cpp - linalg.generic as loops over vectors -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  linalg.generic on buffers with static sizes.
// Output: scf loops, scf.parallel among them, vector loads and stores, the
//         body's arithmetic on vectors.
//
// With v the loop that becomes a vector and u the one that is unrolled:
//
//   for the other parallel loops
//     for u step U, for v step V * lanes
//       U * V accumulators = output
//       for the reductions, in their order
//         load inputs, each once, and combine U * V times
//       output = accumulators
//
// Where sizes are no multiples, the last block is smaller, and its last vector
// masked. Masked lanes compute on zeros, so bodies with a division of integers
// are left alone, and so is everything that is not element-wise. Maxima of rows
// are written by MaximumLoops.cpp.
// No dot-product instruction, no packing of operands, no cache blocking.
//
//===----------------------------------------------------------------------===//

#include "LoopStrides.h"
#include "MaximumLoops.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/Conversion/VectorBody.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_LINALGTOVECTORLOOPS
#include "qfmt/Conversion/Passes.h.inc"

namespace {

/// Up to so many accumulators times two (a product and its sum need a register
/// each for a moment) plus operands fit 32 registers.
constexpr int64_t kMaxUnroll = 8;
constexpr int64_t kMaxVectors = 2;
/// Reductions of at most so many iterations do not make good inner loops.
constexpr int64_t kShortReduction = 16;
/// Fewer elements are not worth a vector.
constexpr int64_t kMinVectorSize = 4;
/// A strided load reads so many times the lanes at most.
constexpr int64_t kMaxLoadStride = 4;

//===----------------------------------------------------------------------===//
// What can be written this way, and how
//===----------------------------------------------------------------------===//

struct Schedule {
  SmallVector<int64_t> sizes;
  SmallVector<unsigned> reductions;
  /// Parallel loops other than `vectorLoop` and `unrollLoop`.
  SmallVector<unsigned> outer;
  unsigned vectorLoop;
  std::optional<unsigned> unrollLoop;
  int64_t lanes;
  /// Blocking factors U and V.
  int64_t unroll, vectors;
};

/// A vector of lanes is loaded along the last dimension of a buffer.
bool isLoadable(linalg::GenericOp op, OpOperand &operand, unsigned loop) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  std::optional<int64_t> stride = getLoopStride(op, operand, loop);
  if (!stride)
    return false;
  // LLVM packs a vector of i1 in memory, a buffer of i1 has bytes.
  if (type && type.getElementType().isInteger(1))
    return false;
  if (!type || *stride == 0)
    return true;
  AffineMap map = op.getMatchingIndexingMap(&operand);
  ArrayRef<AffineExpr> results = map.getResults();
  bool onlyLast = llvm::none_of(results.drop_back(), [&](AffineExpr expr) {
    return expr.isFunctionOfDim(loop);
  });
  return onlyLast && type.isLastDimUnitStride() && *stride >= 1 &&
         *stride <= kMaxLoadStride;
}

/// The parallel loop whose unrolling saves most loads: vectors that do not move
/// along it count twice.
std::optional<unsigned> findUnrollLoop(linalg::GenericOp op,
                                       ArrayRef<unsigned> parallel,
                                       ArrayRef<int64_t> sizes,
                                       unsigned vectorLoop) {
  std::optional<unsigned> best;
  int64_t bestScore = -1;
  for (unsigned loop : parallel) {
    if (loop == vectorLoop || sizes[loop] == 1)
      continue;
    int64_t score = 0;
    for (OpOperand *input : op.getDpsInputOperands())
      if (getLoopStride(op, *input, loop) == 0)
        score += getLoopStride(op, *input, vectorLoop) == 0 ? 1 : 2;
    if (score >= bestScore) {
      best = loop;
      bestScore = score;
    }
  }
  return best;
}

/// Why `op` cannot be written this way along `vectorLoop`; empty if it can.
StringRef findObstacle(linalg::GenericOp op,
                       std::optional<unsigned> vectorLoop) {
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  if (ShapedType::isDynamicShape(sizes))
    return "its sizes are not known";
  if (llvm::is_contained(sizes, 0) || op.getNumDpsInits() == 0)
    return "it computes no elements";
  if (op.getNumParallelLoops() + op.getNumReductionLoops() != op.getNumLoops())
    return "it has a loop that is neither parallel nor a reduction";
  if (!hasInjectiveOutputs(op))
    return "an output's elements are not those of the parallel loops";
  if (!hasVectorizableBody(op))
    return "its body has a division of integers, or more than element-wise "
           "arithmetic, or vectors do not have its elements";
  if (!vectorLoop)
    return "along no parallel loop is its output contiguous";
  if (sizes[*vectorLoop] < kMinVectorSize)
    return "the loop along which its output is contiguous is short";
  if (prefersReduction(op, *vectorLoop, kShortReduction))
    return "its inputs are contiguous along a reduction";
  if (!llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
        return isLoadable(op, operand, *vectorLoop);
      }))
    return "an input is read with gaps";
  return {};
}

/// None, with the reason in `whyNot`.
std::optional<Schedule> makeSchedule(linalg::GenericOp op, int64_t vectorBits,
                                     StringRef &whyNot) {
  std::optional<unsigned> vectorLoop = findVectorLoop(op);
  whyNot = findObstacle(op, vectorLoop);
  if (!whyNot.empty())
    return std::nullopt;
  Schedule schedule;
  schedule.sizes = op.getStaticLoopRanges();
  SmallVector<unsigned> parallel;
  op.getParallelDims(parallel);
  op.getReductionDims(schedule.reductions);
  schedule.vectorLoop = *vectorLoop;

  int64_t size = schedule.sizes[*vectorLoop];
  schedule.lanes = std::min<int64_t>(
      vectorBits / getElementBits(op, *vectorLoop), llvm::PowerOf2Ceil(size));
  if (schedule.lanes == 0) {
    whyNot = "its elements are wider than a vector";
    return std::nullopt;
  }
  schedule.vectors =
      std::min<int64_t>(kMaxVectors, llvm::divideCeil(size, schedule.lanes));
  schedule.unroll = 1;
  if (!schedule.reductions.empty()) {
    schedule.unrollLoop =
        findUnrollLoop(op, parallel, schedule.sizes, *vectorLoop);
    if (schedule.unrollLoop)
      schedule.unroll =
          std::min(kMaxUnroll, schedule.sizes[*schedule.unrollLoop]);
  }
  llvm::copy_if(
      parallel, std::back_inserter(schedule.outer), [&](unsigned loop) {
        return loop != schedule.vectorLoop && loop != schedule.unrollLoop;
      });
  return schedule;
}

//===----------------------------------------------------------------------===//
// Writing the loops
//===----------------------------------------------------------------------===//

class Emitter {
public:
  Emitter(linalg::GenericOp op, const Schedule &schedule)
      : op(op), schedule(schedule), b(op), loc(op.getLoc()),
        position(op.getNumLoops()) {}

  void emit() { emitOuter(schedule.outer); }

private:
  /// U rows of vectors with so many valid lanes each.
  struct Block {
    int64_t unroll;
    SmallVector<int64_t> lanes;
  };

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }

  /// Of a parallel loop.
  template <typename Fn>
  void emitFor(unsigned loop, int64_t end, int64_t step, Fn body) {
    auto outer =
        scf::ParallelOp::create(b, loc, index(0), index(end), index(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(outer.getBody());
    position[loop] = outer.getInductionVars()[0];
    body();
  }

  /// Loads what does not move along the loops to come. LLVM could not move it,
  /// as it does not know that the loops do not write there.
  void loadInvariants() {
    for (OpOperand *input : op.getDpsInputOperands()) {
      AffineMap map = op.getMatchingIndexingMap(input);
      bool isKnown = llvm::all_of(llvm::enumerate(position), [&](auto loop) {
        return loop.value() || !map.isFunctionOfDim(loop.index());
      });
      if (!isKnown || !isa<MemRefType>(input->get().getType()))
        continue;
      Value &loaded = invariants[input->getOperandNumber()];
      if (!loaded)
        loaded = memref::LoadOp::create(b, loc, input->get(),
                                        getIndices(*input, 0, 0));
    }
  }

  void emitOuter(ArrayRef<unsigned> loops) {
    loadInvariants();
    if (loops.empty())
      return emitUnrolled();
    emitFor(loops.front(), schedule.sizes[loops.front()], 1,
            [&] { emitOuter(loops.drop_front()); });
  }

  /// Whole blocks in a loop, the rest in one smaller block.
  void emitUnrolled() {
    if (!schedule.unrollLoop)
      return emitVectors(1);
    unsigned loop = *schedule.unrollLoop;
    int64_t rest = schedule.sizes[loop] % schedule.unroll;
    int64_t whole = schedule.sizes[loop] - rest;
    emitFor(loop, whole, schedule.unroll,
            [&] { emitVectors(schedule.unroll); });
    if (rest == 0)
      return;
    position[loop] = index(whole);
    emitVectors(rest);
  }

  void emitVectors(int64_t unroll) {
    int64_t step = schedule.vectors * schedule.lanes;
    int64_t rest = schedule.sizes[schedule.vectorLoop] % step;
    int64_t whole = schedule.sizes[schedule.vectorLoop] - rest;
    if (whole != 0)
      emitFor(schedule.vectorLoop, whole, step, [&] {
        emitBlock(
            {unroll, SmallVector<int64_t>(schedule.vectors, schedule.lanes)});
      });
    if (rest == 0)
      return;
    position[schedule.vectorLoop] = index(whole);
    Block block{unroll, {}};
    for (; rest > 0; rest -= schedule.lanes)
      block.lanes.push_back(std::min(rest, schedule.lanes));
    emitBlock(block);
  }

  /// Accumulators are ordered by row, vector, output.
  void emitBlock(const Block &block) {
    SmallVector<Value> accumulators;
    bool readsOutput =
        !schedule.reductions.empty() ||
        llvm::any_of(op.getDpsInitsMutable(), [&](OpOperand &output) {
          return op.payloadUsesValueFromOperand(&output);
        });
    if (readsOutput)
      forEachCell(block, [&](int64_t row, int64_t vector) {
        for (OpOperand &output : op.getDpsInitsMutable())
          accumulators.push_back(load(output, row, vector, block));
      });
    accumulators = emitReductions(schedule.reductions, block, accumulators);
    size_t next = 0;
    forEachCell(block, [&](int64_t row, int64_t vector) {
      for (OpOperand &output : op.getDpsInitsMutable())
        store(output, row, vector, block, accumulators[next++]);
    });
  }

  SmallVector<Value> emitReductions(ArrayRef<unsigned> loops,
                                    const Block &block,
                                    ArrayRef<Value> accumulators) {
    if (loops.empty())
      return emitCells(block, accumulators);
    auto loop = scf::ForOp::create(b, loc, index(0),
                                   index(schedule.sizes[loops.front()]),
                                   index(1), accumulators);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    position[loops.front()] = loop.getInductionVar();
    SmallVector<Value> inner(loop.getRegionIterArgs());
    inner = emitReductions(loops.drop_front(), block, inner);
    scf::YieldOp::create(b, loc, inner);
    return SmallVector<Value>(loop.getResults());
  }

  /// One iteration of all reductions for every accumulator.
  SmallVector<Value> emitCells(const Block &block,
                               ArrayRef<Value> accumulators) {
    // Each input once for all rows or vectors along which it does not move.
    llvm::DenseMap<std::tuple<unsigned, int64_t, int64_t>, Value> loaded;
    SmallVector<Value> results;
    forEachCell(block, [&](int64_t row, int64_t vector) {
      SmallVector<Value> arguments;
      for (OpOperand *input : op.getDpsInputOperands()) {
        bool movesByRow = schedule.unrollLoop &&
                          getLoopStride(op, *input, *schedule.unrollLoop) != 0;
        bool movesByVector =
            getLoopStride(op, *input, schedule.vectorLoop) != 0;
        Value &value = loaded[{input->getOperandNumber(), movesByRow ? row : 0,
                               movesByVector ? vector : 0}];
        if (!value)
          value = load(*input, row, vector, block);
        arguments.push_back(value);
      }
      for (int64_t i = 0; i < op.getNumDpsInits(); ++i)
        arguments.push_back(
            accumulators.empty() ? Value() : accumulators[results.size() + i]);
      llvm::append_range(results, emitBody(arguments, row, vector));
    });
    return results;
  }

  template <typename Fn>
  void forEachCell(const Block &block, Fn visit) {
    for (int64_t row = 0; row < block.unroll; ++row)
      for (int64_t vector = 0, e = block.lanes.size(); vector < e; ++vector)
        visit(row, vector);
  }

  /// The loops' values at the first lane of a cell.
  SmallVector<OpFoldResult> getPosition(int64_t row, int64_t vector) {
    SmallVector<OpFoldResult> values(position.begin(), position.end());
    auto advance = [&](unsigned loop, int64_t by) {
      AffineExpr moved = b.getAffineDimExpr(0) + by;
      values[loop] = affine::makeComposedFoldedAffineApply(
          b, loc, AffineMap::get(1, 0, moved), {position[loop]});
    };
    if (row != 0)
      advance(*schedule.unrollLoop, row);
    if (vector != 0)
      advance(schedule.vectorLoop, vector * schedule.lanes);
    return values;
  }

  SmallVector<Value> getIndices(OpOperand &operand, int64_t row,
                                int64_t vector) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    return getValueOrCreateConstantIndexOp(
        b, loc,
        affine::makeComposedFoldedMultiResultAffineApply(
            b, loc, map, getPosition(row, vector)));
  }

  VectorType getVectorType(Type element) {
    return VectorType::get(schedule.lanes, element);
  }

  Value broadcast(Value scalar) {
    return vector::BroadcastOp::create(b, loc, getVectorType(scalar.getType()),
                                       scalar);
  }

  Value mask(int64_t valid, int64_t lanes) {
    return vector::ConstantMaskOp::create(
        b, loc, VectorType::get(lanes, b.getI1Type()), ArrayRef(valid));
  }

  /// A scalar if the operand does not move along the vector.
  Value load(OpOperand &operand, int64_t row, int64_t vector,
             const Block &block) {
    Value buffer = operand.get();
    auto type = dyn_cast<MemRefType>(buffer.getType());
    if (!type)
      return buffer;
    if (Value loaded = invariants.lookup(operand.getOperandNumber()))
      return loaded;
    SmallVector<Value> indices = getIndices(operand, row, vector);
    int64_t stride = *getLoopStride(op, operand, schedule.vectorLoop);
    if (stride == 0)
      return memref::LoadOp::create(b, loc, buffer, indices);
    VectorType vectorType = getVectorType(type.getElementType());
    int64_t valid = block.lanes[vector];
    if (stride == 1 && valid == schedule.lanes)
      return vector::LoadOp::create(b, loc, vectorType, buffer, indices);
    // All elements from the first valid lane to the last, and nothing beyond.
    auto spanType =
        VectorType::get(schedule.lanes * stride, type.getElementType());
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(spanType));
    Value span = vector::MaskedLoadOp::create(
        b, loc, spanType, buffer, indices,
        mask((valid - 1) * stride + 1, schedule.lanes * stride), zero);
    if (stride == 1)
      return span;
    SmallVector<int64_t> lanes;
    for (int64_t i = 0; i < schedule.lanes; ++i)
      lanes.push_back(i * stride);
    return vector::ShuffleOp::create(b, loc, span, span, lanes);
  }

  void store(OpOperand &output, int64_t row, int64_t vector, const Block &block,
             Value value) {
    SmallVector<Value> indices = getIndices(output, row, vector);
    int64_t valid = block.lanes[vector];
    if (valid == schedule.lanes)
      vector::StoreOp::create(b, loc, value, output.get(), indices);
    else if (valid == 1)
      // LLVM 22 stores too many bytes where a truncated vector is stored under
      // a mask of one lane: its AVX-512 code writes the lane before truncation.
      memref::StoreOp::create(b, loc,
                              vector::ExtractOp::create(b, loc, value, 0),
                              output.get(), indices);
    else
      vector::MaskedStoreOp::create(b, loc, output.get(), indices,
                                    mask(valid, schedule.lanes), value);
  }

  /// The loop's value, a vector for the vector's loop.
  Value emitIndex(unsigned loop, int64_t row, int64_t vector) {
    Value first =
        getValueOrCreateConstantIndexOp(b, loc, getPosition(row, vector)[loop]);
    if (loop != schedule.vectorLoop)
      return first;
    Value step =
        vector::StepOp::create(b, loc, getVectorType(b.getIndexType()));
    return arith::AddIOp::create(b, loc, broadcast(first), step);
  }

  SmallVector<Value> emitBody(ArrayRef<Value> arguments, int64_t row,
                              int64_t vector) {
    return emitVectorBody(b, op, arguments, schedule.lanes, [&](unsigned loop) {
      return emitIndex(loop, row, vector);
    });
  }

  linalg::GenericOp op;
  const Schedule &schedule;
  OpBuilder b;
  Location loc;
  /// The values of the loops where the builder stands.
  SmallVector<Value> position;
  /// By operand number, what was loaded before loops along which it stays.
  llvm::DenseMap<unsigned, Value> invariants;
};

struct LinalgToVectorLoopsPass
    : impl::LinalgToVectorLoopsBase<LinalgToVectorLoopsPass> {
  using LinalgToVectorLoopsBase::LinalgToVectorLoopsBase;

  void runOnOperation() override {
    SmallVector<linalg::GenericOp> generics;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.hasPureBufferSemantics())
        generics.push_back(op);
    });
    for (linalg::GenericOp op : generics) {
      StringRef whyNot;
      if (std::optional<Schedule> schedule =
              makeSchedule(op, vectorBits, whyNot)) {
        Emitter(op, *schedule).emit();
      } else if (failed(emitMaximumLoops(op, vectorBits))) {
        remark::missed(op.getLoc(),
                       remark::RemarkOpts::name("NotVectorized")
                           .category("qfmt-linalg-to-vector-loops"))
            << "left to LLVM's loop vectorizer: " << whyNot;
        continue;
      }
      op.erase();
    }
  }
};

} // namespace
} // namespace mlir::qfmt
