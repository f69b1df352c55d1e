// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RingTile.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::qfmt {

MmaTile::~MmaTile() = default;

RingTile::RingTile(const BlockShape &shape, int64_t terms,
                   int64_t mostPartTerms)
    : shape(shape), terms(terms) {
  // Parts of the same number of steps, so that few of these are of zeros.
  parts = llvm::divideCeil(terms, mostPartTerms);
  partTerms = llvm::alignTo(llvm::divideCeil(terms, parts), kStepTerms);
}

int64_t RingTile::getSharedBytes() const {
  return getStages() * getStageBytes();
}

/// For the oldest of the parts that are on their way, of all threads.
void RingTile::emitWait(KernelBuilder &b) {
  NVVM::CpAsyncCommitGroupOp::create(b);
  NVVM::CpAsyncWaitGroupOp::create(b, uint32_t(getDepth() - 1));
  gpu::BarrierOp::create(b);
}

Value RingTile::emitNextStage(KernelBuilder &b, Value stage) {
  if (getStages() == 1)
    return stage;
  int64_t bytes = getStageBytes();
  Value isLast = b.isLess(stage, (getStages() - 1) * bytes);
  return b.select(isLast, b.add(stage, bytes), b.i32(0));
}

/// `state`: the stage of the part, the stage that is free, fragments of the
/// first step, sums.
SmallVector<Value> RingTile::emitPart(KernelBuilder &b, Value part,
                                      ValueRange state) {
  Value stage = state[0], freeStage = state[1];
  ValueRange rest = state.drop_front(2);
  SmallVector<Value> current = llvm::to_vector(rest.drop_back(getNumSums()));
  SmallVector<Value> sums = llvm::to_vector(rest.take_back(getNumSums()));
  int64_t steps = getSteps();
  for (int64_t step = 0; step < steps; ++step) {
    // What was in the free stage was read before the last barrier.
    if (step == 0 && isRing()) {
      Value term = b.mul(b.add(part, getDepth()), partTerms);
      emitCopies(b, term, freeStage);
      freeStage = emitNextStage(b, freeStage);
    }
    if (step + 1 == steps) {
      emitWait(b);
      stage = emitNextStage(b, stage);
    }
    SmallVector<Value> next = emitLoads(b, stage, (step + 1) % steps);
    emitProducts(b, current, sums);
    current = std::move(next);
  }
  SmallVector<Value> result = {stage, freeStage};
  llvm::append_range(result, current);
  llvm::append_range(result, sums);
  return result;
}

SmallVector<Value> RingTile::emitSums(KernelBuilder &b, const BlockPlace &place,
                                      Value sharedMemory) {
  shared = sharedMemory;
  begin(b, place);
  Value zero = b.i32(0);
  for (int64_t part = 0; part < getDepth(); ++part) {
    emitCopies(b, b.i32(part * partTerms), b.i32(part * getStageBytes()));
    if (part + 1 < getDepth())
      NVVM::CpAsyncCommitGroupOp::create(b);
  }
  emitWait(b);
  SmallVector<Value> state = {
      zero, b.i32(isRing() ? getDepth() * getStageBytes() : 0)};
  llvm::append_range(state, emitLoads(b, zero, 0));
  size_t numBefore = state.size();
  state.append(getNumSums(), zero);
  auto loop = scf::ForOp::create(b, zero, b.i32(parts), b.i32(1), state);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next =
        emitPart(b, loop.getInductionVar(), loop.getRegionIterArgs());
    scf::YieldOp::create(b, next);
  }
  // No copy may be under way when the block ends.
  NVVM::CpAsyncWaitGroupOp::create(b, 0u);
  return SmallVector<Value>(loop.getResults().drop_front(numBefore));
}

} // namespace mlir::qfmt
