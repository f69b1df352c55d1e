//===- JoinParallelRegions.cpp - Fewer starts of threads ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  what qfmt-distribute-loops writes: omp.parallel with omp.wsloop in
//         them, nothing else.
// Output: fewer omp.parallel, with several loops each, and no barrier before
//         the one at their end.
//
// Buffers that come to life, or would be freed, between two of them live for
// longer then. Only small ones may: memory of large ones is used again at once,
// which saves more time than starting threads takes.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qfmt/CodeGen/Threads/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_JOINPARALLELREGIONS
#include "qfmt/CodeGen/Threads/Passes.h.inc"

namespace {

/// A larger buffer does not live for longer than it has to.
constexpr int64_t kMaxBytes = 128 << 10;

bool isSmall(Type type) {
  auto buffer = dyn_cast<MemRefType>(type);
  return buffer && buffer.hasStaticShape() &&
         buffer.getElementType().isIntOrFloat() &&
         buffer.getNumElements() * buffer.getElementTypeBitWidth() <=
             kMaxBytes * 8;
}

/// The constant that the number of processors bounds; 0 for anything else.
int64_t getWantedThreads(omp::ParallelOp op) {
  Value team = op.getNumThreads();
  auto smaller = team ? team.getDefiningOp<arith::MinSIOp>() : arith::MinSIOp();
  APInt wanted;
  if (!smaller || !matchPattern(smaller.getLhs(), m_ConstantInt(&wanted)) ||
      !smaller.getRhs().getDefiningOp<func::CallOp>())
    return 0;
  return wanted.getSExtValue();
}

/// What stands between a region and the next one.
struct Gap {
  /// Goes before the first region; behind the second one.
  SmallVector<Operation *> before, behind;
  omp::ParallelOp next;
};

/// Collects operations behind `op` up to the next region that can be joined; no
/// `next` if there is none.
Gap findNext(omp::ParallelOp op) {
  Gap gap;
  for (Operation *other = op->getNextNode(); other;
       other = other->getNextNode()) {
    if (auto parallel = dyn_cast<omp::ParallelOp>(other)) {
      int64_t wanted = getWantedThreads(op);
      if (wanted != 0 && wanted == getWantedThreads(parallel))
        gap.next = parallel;
      return gap;
    }
    auto call = dyn_cast<func::CallOp>(other);
    bool asksForProcessors = call && call.getCallee() == "omp_get_num_procs";
    if (isa<memref::DeallocOp>(other)) {
      if (!isSmall(other->getOperand(0).getType()))
        return gap;
      gap.behind.push_back(other);
    } else if (asksForProcessors || isMemoryEffectFree(other) ||
               (isa<memref::AllocOp>(other) &&
                isSmall(other->getResult(0).getType()))) {
      gap.before.push_back(other);
    } else {
      return gap;
    }
  }
  return gap;
}

/// The loops of `next` behind those of `op`.
void join(omp::ParallelOp op, const Gap &gap) {
  for (Operation *other : gap.before)
    other->moveBefore(op);
  Operation *end = op.getRegion().front().getTerminator();
  Block &body = gap.next->getRegion(0).front();
  for (Operation &inner : llvm::make_early_inc_range(body.without_terminator()))
    inner.moveBefore(end);
  Operation *last = op;
  for (Operation *other : gap.behind) {
    other->moveAfter(last);
    last = other;
  }
  omp::ParallelOp next = gap.next;
  next.erase();
}

struct JoinParallelRegionsPass
    : impl::JoinParallelRegionsBase<JoinParallelRegionsPass> {
  void runOnOperation() override {
    SmallVector<omp::ParallelOp> regions;
    getOperation()->walk([&](omp::ParallelOp op) { regions.push_back(op); });
    llvm::SmallPtrSet<Operation *, 16> joined;
    for (omp::ParallelOp op : regions) {
      if (joined.contains(op))
        continue;
      for (Gap gap = findNext(op); gap.next; gap = findNext(op)) {
        joined.insert(gap.next);
        join(op, gap);
      }
      // All wait at the end of the region.
      Operation *last = op.getRegion().front().getTerminator()->getPrevNode();
      if (auto loop = dyn_cast_or_null<omp::WsloopOp>(last))
        loop.setNowait(true);
    }
  }
};

} // namespace
} // namespace mlir::qfmt
