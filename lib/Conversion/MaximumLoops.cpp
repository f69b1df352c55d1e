//===- MaximumLoops.cpp - Maxima of rows as loops over vectors ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  linalg.generic with output = max(output, f(inputs)), or min.
// Output: for each element of the output
//
//   V vectors of maxima = what changes no maximum
//   for the outer reductions, for the innermost one step V * lanes
//     combine V vectors of f(inputs)
//   output = maximum of the output and all lanes
//
// Short rows that lie beside each other, as many as a vector has lanes, are
// done together: the maxima of their lanes become one vector, by exchanging
// lanes of two vectors and combining them, and so on.
//
// A maximum may take its operands in any order and some of them twice: where
// sizes are no multiples, the last vectors overlap the ones before.
//
//===----------------------------------------------------------------------===//

#include "MaximumLoops.h"
#include "LoopStrides.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qfmt/Conversion/VectorBody.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::qfmt {

namespace {

/// Enough for the latency of a maximum.
constexpr int64_t kMaxVectors = 4;
constexpr int64_t kMinVectorSize = 4;
/// More rows together would be much code.
constexpr int64_t kMaxRows = 16;
/// Lanes are exchanged within so many bits first, which is cheaper.
constexpr int64_t kChunkBits = 128;

struct Schedule {
  SmallVector<int64_t> sizes;
  SmallVector<unsigned> parallel;
  /// Without `vectorLoop`.
  SmallVector<unsigned> reductions;
  unsigned vectorLoop;
  int64_t lanes, vectors;
  /// As many rows along the last parallel loop as there are lanes at once.
  bool joinsRows;
  vector::CombiningKind kind;
};

/// What combines the output with the rest of the body.
std::optional<vector::CombiningKind> getKind(linalg::GenericOp op) {
  using Kind = vector::CombiningKind;
  if (op.getNumDpsInits() != 1)
    return std::nullopt;
  BlockArgument output = op.getBody()->getArguments().back();
  Operation *combiner =
      op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  if (!combiner || combiner->getBlock() != op.getBody() ||
      !output.hasOneUse() || !llvm::is_contained(output.getUsers(), combiner))
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, std::optional<Kind>>(combiner)
      .Case([](arith::MaxSIOp) { return Kind::MAXSI; })
      .Case([](arith::MaxUIOp) { return Kind::MAXUI; })
      .Case([](arith::MinSIOp) { return Kind::MINSI; })
      .Case([](arith::MinUIOp) { return Kind::MINUI; })
      .Case([](arith::MaximumFOp) { return Kind::MAXIMUMF; })
      .Case([](arith::MinimumFOp) { return Kind::MINIMUMF; })
      .Default(std::nullopt);
}

unsigned getWidth(Type type) {
  return type.isIndex() ? IndexType::kInternalStorageBitWidth
                        : type.getIntOrFloatBitWidth();
}

/// What every maximum, or minimum, of numbers of `type` is no further than.
Attribute getNeutral(vector::CombiningKind kind, Type type) {
  using Kind = vector::CombiningKind;
  bool isMaximum =
      kind == Kind::MAXSI || kind == Kind::MAXUI || kind == Kind::MAXIMUMF;
  if (auto real = dyn_cast<FloatType>(type))
    return FloatAttr::get(type,
                          APFloat::getInf(real.getFloatSemantics(), isMaximum));
  unsigned width = getWidth(type);
  bool isSigned = kind == Kind::MAXSI || kind == Kind::MINSI;
  APInt least =
      isSigned ? APInt::getSignedMinValue(width) : APInt::getMinValue(width);
  return IntegerAttr::get(type, isMaximum ? least : ~least);
}

/// Vectors of the operand lie along the last dimension of its buffer, or it
/// does not move.
bool isLoadable(linalg::GenericOp op, OpOperand &operand, unsigned loop) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (getLoopStride(op, operand, loop) == 0)
    return true;
  AffineMap map = op.getMatchingIndexingMap(&operand);
  return type && getLoopStride(op, operand, loop) == 1 &&
         !type.getElementType().isInteger(1) && type.isLastDimUnitStride() &&
         llvm::none_of(map.getResults().drop_back(), [&](AffineExpr expr) {
           return expr.isFunctionOfDim(loop);
         });
}

/// The rows are short, and the maxima of neighbours lie side by side.
bool canJoinRows(linalg::GenericOp op, const Schedule &schedule) {
  if (schedule.parallel.empty() || !schedule.reductions.empty() ||
      schedule.lanes > kMaxRows)
    return false;
  unsigned loop = schedule.parallel.back();
  OpOperand &output = *op.getDpsInitsMutable().begin();
  return schedule.sizes[loop] >= schedule.lanes &&
         schedule.sizes[schedule.vectorLoop] <= kMaxVectors * schedule.lanes &&
         getLoopStride(op, output, loop) == 1 && isLoadable(op, output, loop);
}

std::optional<Schedule> makeSchedule(linalg::GenericOp op, int64_t vectorBits) {
  Schedule schedule;
  schedule.sizes = op.getStaticLoopRanges();
  op.getParallelDims(schedule.parallel);
  op.getReductionDims(schedule.reductions);
  std::optional<vector::CombiningKind> kind = getKind(op);
  if (!kind || schedule.reductions.empty() || !hasInjectiveOutputs(op) ||
      schedule.parallel.size() + schedule.reductions.size() !=
          op.getNumLoops() ||
      ShapedType::isDynamicShape(schedule.sizes) ||
      llvm::is_contained(schedule.sizes, 0) || !hasVectorizableBody(op) ||
      op.hasIndexSemantics())
    return std::nullopt;
  schedule.kind = *kind;
  schedule.vectorLoop = schedule.reductions.pop_back_val();
  int64_t size = schedule.sizes[schedule.vectorLoop];
  if (size < kMinVectorSize || !llvm::all_of(
                                   op.getDpsInputOperands(),
                                   [&](OpOperand *input) {
                                     return isLoadable(op, *input,
                                                       schedule.vectorLoop);
                                   }))
    return std::nullopt;
  schedule.lanes =
      std::min<int64_t>(vectorBits / getElementBits(op, schedule.vectorLoop),
                        llvm::bit_floor<uint64_t>(size));
  // Elements may be wider than a vector.
  if (schedule.lanes == 0)
    return std::nullopt;
  schedule.vectors = std::min(kMaxVectors, size / schedule.lanes);
  schedule.joinsRows = canJoinRows(op, schedule);
  return schedule;
}

class Emitter {
public:
  Emitter(linalg::GenericOp op, const Schedule &schedule)
      : op(op), schedule(schedule), b(op), loc(op.getLoc()),
        position(op.getNumLoops()) {}

  void emit() { emitParallel(schedule.parallel); }

private:
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }

  void emitParallel(ArrayRef<unsigned> loops) {
    if (loops.empty())
      return emitElement();
    int64_t size = schedule.sizes[loops.front()];
    bool joins = schedule.joinsRows && loops.size() == 1;
    int64_t whole = joins ? size - size % schedule.lanes : 0;
    if (joins)
      emitLoop(loops.front(), 0, whole, schedule.lanes, [&] { emitRows(); });
    if (whole != size)
      emitLoop(loops.front(), whole, size, 1,
               [&] { emitParallel(loops.drop_front()); });
  }

  /// Of a parallel loop.
  void emitLoop(unsigned loop, int64_t begin, int64_t end, int64_t step,
                function_ref<void()> body) {
    auto parallel =
        scf::ParallelOp::create(b, loc, index(begin), index(end), index(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(parallel.getBody());
    position[loop] = parallel.getInductionVars()[0];
    body();
  }

  /// One element of the output.
  void emitElement() {
    OpOperand &output = *op.getDpsInitsMutable().begin();
    SmallVector<Value> indices = getIndices(output, position);
    Value start =
        memref::LoadOp::create(b, loc, output.get(), indices).getResult();
    Value result = vector::ReductionOp::create(b, loc, schedule.kind,
                                               emitLanes(start.getType()));
    memref::StoreOp::create(b, loc, combine(result, start), output.get(),
                            indices);
  }

  /// As many elements of the output as a vector has lanes.
  void emitRows() {
    OpOperand &output = *op.getDpsInitsMutable().begin();
    SmallVector<Value> indices = getIndices(output, position);
    Type element = cast<MemRefType>(output.get().getType()).getElementType();
    Value start =
        vector::LoadOp::create(b, loc, VectorType::get(schedule.lanes, element),
                               output.get(), indices);
    Value first = position[schedule.parallel.back()];
    Value result = emitJoined(element, first, 0, schedule.lanes);
    vector::StoreOp::create(b, loc, combine(result, start), output.get(),
                            indices);
  }

  /// The maxima of `count` rows, in order, each in its part of the lanes of
  /// every chunk, and if that has fewer lanes, in its part of the chunks.
  Value emitJoined(Type element, Value first, int64_t row, int64_t count) {
    if (count == 1) {
      AffineMap advance = AffineMap::get(1, 0, b.getAffineDimExpr(0) + row);
      position[schedule.parallel.back()] = getValueOrCreateConstantIndexOp(
          b, loc,
          affine::makeComposedFoldedAffineApply(b, loc, advance, {first}));
      return emitLanes(element);
    }
    Value low = emitJoined(element, first, row, count / 2);
    Value high = emitJoined(element, first, row + count / 2, count / 2);
    int64_t chunk =
        std::clamp<int64_t>(kChunkBits / getWidth(element), 1, schedule.lanes);
    bool isWithinChunks = count <= chunk;
    int64_t unit = isWithinChunks ? 1 : chunk;
    int64_t group = isWithinChunks ? chunk : schedule.lanes;
    auto take = [&](int64_t parity) -> Value {
      return vector::ShuffleOp::create(b, loc, low, high,
                                       getAlternating(unit, group, parity));
    };
    return combine(take(0), take(1));
  }

  /// The units of even or odd number of each group of lanes of two vectors:
  /// groups of those of the first, then those of the second.
  SmallVector<int64_t> getAlternating(int64_t unit, int64_t group,
                                      int64_t parity) {
    SmallVector<int64_t> lanes;
    for (int64_t at = 0; at < schedule.lanes; at += group)
      for (int64_t from : {at, at + schedule.lanes})
        for (int64_t lane = 0; lane < group; ++lane)
          if (lane / unit % 2 == parity)
            lanes.push_back(from + lane);
    return lanes;
  }

  Value combine(Value a, Value other) {
    return vector::makeArithReduction(b, loc, schedule.kind, a, other);
  }

  /// The maxima of one row, as many as there are lanes.
  Value emitLanes(Type element) {
    Value initial = arith::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(VectorType::get(schedule.lanes, element),
                               getNeutral(schedule.kind, element)));
    SmallVector<Value> maxima = emitReductions(
        schedule.reductions, SmallVector<Value>(schedule.vectors, initial));
    while (maxima.size() > 1) {
      Value last = maxima.pop_back_val();
      Value &other = maxima[maxima.size() / 2];
      other = combine(other, last);
    }
    return maxima.front();
  }

  SmallVector<Value> emitReductions(ArrayRef<unsigned> loops,
                                    SmallVector<Value> maxima) {
    if (loops.empty())
      return emitVectors(std::move(maxima));
    return emitFor(loops.front(), schedule.sizes[loops.front()], 1, maxima,
                   [&](SmallVector<Value> inner) {
                     return emitReductions(loops.drop_front(),
                                           std::move(inner));
                   });
  }

  SmallVector<Value>
  emitFor(unsigned loop, int64_t end, int64_t step, ArrayRef<Value> maxima,
          function_ref<SmallVector<Value>(SmallVector<Value>)> body) {
    auto forOp =
        scf::ForOp::create(b, loc, index(0), index(end), index(step), maxima);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forOp.getBody());
    position[loop] = forOp.getInductionVar();
    scf::YieldOp::create(b, loc,
                         body(SmallVector<Value>(forOp.getRegionIterArgs())));
    return SmallVector<Value>(forOp.getResults());
  }

  /// The innermost reduction: whole steps in a loop, then as many vectors as
  /// the rest takes, the last of which ends where the row does.
  SmallVector<Value> emitVectors(SmallVector<Value> maxima) {
    int64_t size = schedule.sizes[schedule.vectorLoop];
    int64_t step = schedule.vectors * schedule.lanes;
    int64_t whole = size - size % step;
    auto advance = [&](Value &maximum, int64_t offset) {
      maximum = emitBody(maximum, offset);
    };
    if (whole == step) {
      position[schedule.vectorLoop] = index(0);
      for (auto [i, maximum] : llvm::enumerate(maxima))
        advance(maximum, i * schedule.lanes);
    } else {
      maxima = emitFor(schedule.vectorLoop, whole, step, maxima,
                       [&](SmallVector<Value> inner) {
                         for (auto [i, maximum] : llvm::enumerate(inner))
                           advance(maximum, i * schedule.lanes);
                         return inner;
                       });
    }
    position[schedule.vectorLoop] = index(0);
    for (int64_t at = whole, i = 0; at < size; at += schedule.lanes, ++i)
      advance(maxima[i], std::min(at, size - schedule.lanes));
    return maxima;
  }

  Value emitBody(Value maximum, int64_t offset) {
    SmallVector<OpFoldResult> at(position.begin(), position.end());
    AffineMap advance = AffineMap::get(1, 0, b.getAffineDimExpr(0) + offset);
    at[schedule.vectorLoop] = affine::makeComposedFoldedAffineApply(
        b, loc, advance, {position[schedule.vectorLoop]});
    SmallVector<Value> arguments;
    for (OpOperand *input : op.getDpsInputOperands())
      arguments.push_back(load(*input, at));
    arguments.push_back(maximum);
    return emitVectorBody(b, op, arguments, schedule.lanes,
                          [](unsigned) { return Value(); })
        .front();
  }

  /// A scalar if the operand does not move along the vector.
  Value load(OpOperand &operand, ArrayRef<OpFoldResult> at) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type)
      return operand.get();
    SmallVector<Value> indices = getIndices(operand, at);
    if (getLoopStride(op, operand, schedule.vectorLoop) == 0)
      return memref::LoadOp::create(b, loc, operand.get(), indices);
    return vector::LoadOp::create(
        b, loc, VectorType::get(schedule.lanes, type.getElementType()),
        operand.get(), indices);
  }

  SmallVector<Value> getIndices(OpOperand &operand, ArrayRef<OpFoldResult> at) {
    return getValueOrCreateConstantIndexOp(
        b, loc,
        affine::makeComposedFoldedMultiResultAffineApply(
            b, loc, op.getMatchingIndexingMap(&operand), at));
  }
  SmallVector<Value> getIndices(OpOperand &operand, ArrayRef<Value> at) {
    return getIndices(operand, SmallVector<OpFoldResult>(at.begin(), at.end()));
  }

  linalg::GenericOp op;
  const Schedule &schedule;
  OpBuilder b;
  Location loc;
  /// The values of the loops where the builder stands.
  SmallVector<Value> position;
};

} // namespace

LogicalResult emitMaximumLoops(linalg::GenericOp op, int64_t vectorBits) {
  std::optional<Schedule> schedule = makeSchedule(op, vectorBits);
  if (!schedule)
    return failure();
  Emitter(op, *schedule).emit();
  return success();
}

} // namespace mlir::qfmt
