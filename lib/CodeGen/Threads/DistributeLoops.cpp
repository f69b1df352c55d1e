//===- DistributeLoops.cpp - Parallel loops among threads -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  scf.parallel on buffers, nested or not; scf.forall on buffers, whose
//         iterations are one thread's work each; the module's attribute
//         qfmt_cpu.threads, if there is more than one thread.
// Output: OpenMP's parallel loops where there is enough work, nests of scf.for
//         elsewhere; the attribute is gone.
//
// Every thread gets one range of consecutive iterations. Parallel loops with
// reductions, which qfmt does not write, are left alone.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qfmt/CodeGen/Threads/Passes.h"
#include "qfmt/CodeGen/Threads/Threads.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_DISTRIBUTELOOPS
#include "qfmt/CodeGen/Threads/Passes.h.inc"

namespace {

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-distribute-loops");
}

//===----------------------------------------------------------------------===//
// How much work a loop is
//===----------------------------------------------------------------------===//

/// What is taken for a number of iterations that is not known: enough for a
/// loop to be divided if it does much in each.
constexpr double kUnknownIterations = 64;
/// What an instruction works on at once.
constexpr int64_t kVectorBits = 512;
/// LLVM makes vectors of most loops over scalars.
constexpr double kScalarCycles = 0.5;
/// Of a division, and of each number of a vector that goes to the C library.
constexpr double kDivisionCycles = 8, kFunctionCycles = 20;

double estimateIterations(LoopLikeOpInterface loop) {
  std::optional<SmallVector<OpFoldResult>> lower = loop.getLoopLowerBounds(),
                                           upper = loop.getLoopUpperBounds(),
                                           steps = loop.getLoopSteps();
  if (!lower || !upper || !steps)
    return kUnknownIterations;
  double iterations = 1;
  for (auto [from, to, by] : llvm::zip_equal(*lower, *upper, *steps)) {
    std::optional<int64_t> begin = getConstantIntValue(from),
                           end = getConstantIntValue(to),
                           step = getConstantIntValue(by);
    iterations *= begin && end && step && *step > 0
                      ? double(llvm::divideCeil(
                            std::max<int64_t>(*end - *begin, 0), *step))
                      : kUnknownIterations;
  }
  return iterations;
}

/// Of one operation without regions.
double estimateLeaf(Operation *op) {
  if (op->hasTrait<OpTrait::ConstantLike>() ||
      op->hasTrait<OpTrait::IsTerminator>())
    return 0;
  auto isIndex = [](Type type) { return type.isIndex(); };
  if (op->getNumResults() != 0 && llvm::all_of(op->getResultTypes(), isIndex))
    return 0;
  int64_t bits = 0;
  auto count = [&](Type type) {
    auto vector = dyn_cast<VectorType>(type);
    if (vector && !vector.getElementType().isIndex() && !vector.isScalable())
      bits = std::max(bits, vector.getNumElements() *
                                vector.getElementTypeBitWidth());
  };
  llvm::for_each(op->getOperandTypes(), count);
  llvm::for_each(op->getResultTypes(), count);
  double cycles =
      bits == 0 ? kScalarCycles : double(llvm::divideCeil(bits, kVectorBits));
  if (isa<arith::DivFOp, arith::DivSIOp, arith::DivUIOp, arith::RemFOp,
          arith::RemSIOp, arith::RemUIOp>(op))
    return kDivisionCycles * cycles;
  if (isa<math::ExpOp, math::Exp2Op, math::ExpM1Op, math::LogOp, math::Log2Op,
          math::TanhOp, math::ErfOp, math::PowFOp, math::SinOp, math::CosOp>(
          op)) {
    auto vector = dyn_cast<VectorType>(op->getResult(0).getType());
    return kFunctionCycles * (vector ? double(vector.getNumElements()) : 1);
  }
  return cycles;
}

double estimateCycles(Operation *op);

/// The work of one iteration.
double estimateBody(Operation *op) {
  double cycles = 0;
  for (Region &region : op->getRegions())
    for (Block &block : region)
      for (Operation &inner : block)
        cycles += estimateCycles(&inner);
  return cycles;
}

/// Very roughly: one for each instruction, all branches taken.
double estimateCycles(Operation *op) {
  if (op->getNumRegions() == 0)
    return estimateLeaf(op);
  auto loop = dyn_cast<LoopLikeOpInterface>(op);
  return estimateBody(op) * (loop ? estimateIterations(loop) : 1);
}

//===----------------------------------------------------------------------===//
// Dividing
//===----------------------------------------------------------------------===//

/// Threads that wait for the last one may take this part of the time.
constexpr double kMaxIdle = 0.2;

bool keepsBusy(double iterations, int64_t threads) {
  double rounds = std::ceil(iterations / threads);
  return iterations >= rounds * threads * (1 - kMaxIdle);
}

class Distributor {
public:
  Distributor(MLIRContext *context, int64_t threads)
      : rewriter(context), threads(threads) {}

  /// Somebody has decided already.
  LogicalResult distribute(scf::ForallOp op) {
    scf::ParallelOp loop;
    rewriter.setInsertionPoint(op);
    if (failed(scf::forallToParallelLoop(rewriter, op, &loop)))
      return failure();
    int64_t wanted = std::min(threads, int64_t(estimateIterations(loop)));
    return wanted > 1 ? divide(loop, wanted) : makeSequential(loop);
  }

  LogicalResult distribute(scf::ParallelOp op) {
    if (threads == 1)
      return makeSequential(op);
    double cycles = estimateCycles(op);
    int64_t wanted = chooseThreads(cycles, threads);
    if (wanted == 1) {
      remark::missed(op.getLoc(), getRemarkOptions("OneThread"))
          << "too little work for a second thread"
          << remark::metric("Cycles", int64_t(cycles));
      return makeSequential(op);
    }
    double iterations = estimateIterations(op);
    if (!keepsBusy(iterations, wanted))
      if (scf::ParallelOp inner = findInner(op, wanted)) {
        if (failed(scf::parallelForToNestedFors(rewriter, op)))
          return failure();
        return distribute(inner);
      }
    wanted = std::min(wanted, std::max<int64_t>(int64_t(iterations), 1));
    if (wanted == 1)
      return makeSequential(op);
    remark::passed(op.getLoc(), getRemarkOptions("Threads"))
        << "a loop is divided among threads"
        << remark::metric("Threads", wanted)
        << remark::metric("Cycles", int64_t(cycles));
    return divide(op, wanted);
  }

private:
  /// The outermost parallel loops in `op`.
  SmallVector<scf::ParallelOp> getInnerLoops(scf::ParallelOp op) {
    SmallVector<scf::ParallelOp> loops;
    for (Region &region : op->getRegions())
      region.walk<WalkOrder::PreOrder>([&](scf::ParallelOp inner) {
        loops.push_back(inner);
        return WalkResult::skip();
      });
    return loops;
  }

  /// The only parallel loop directly in `op`, if it keeps so many threads busy
  /// each time.
  scf::ParallelOp findInner(scf::ParallelOp op, int64_t wanted) {
    SmallVector<scf::ParallelOp> inner = getInnerLoops(op);
    if (inner.size() != 1 || inner.front()->getParentOp() != op ||
        chooseThreads(estimateCycles(inner.front()), wanted) != wanted ||
        !keepsBusy(estimateIterations(inner.front()), wanted))
      return {};
    return inner.front();
  }

  /// This loop and those within it.
  LogicalResult makeSequential(scf::ParallelOp op) {
    if (op.getNumReductions() != 0)
      return success();
    SmallVector<scf::ParallelOp> inner = getInnerLoops(op);
    rewriter.setInsertionPoint(op);
    if (failed(scf::parallelForToNestedFors(rewriter, op)))
      return failure();
    for (scf::ParallelOp loop : inner)
      if (failed(makeSequential(loop)))
        return failure();
    return success();
  }

  /// Runs the loop in `count` threads, those within it in one.
  LogicalResult divide(scf::ParallelOp op, int64_t count) {
    for (scf::ParallelOp inner : getInnerLoops(op))
      if (failed(makeSequential(inner)))
        return failure();
    emitThreads(op, count);
    return success();
  }

  /// `count`, but no more than the process has processors: threads that wait
  /// for each other spin.
  Value emitTeamSize(scf::ParallelOp op, int64_t count) {
    Location loc = op.getLoc();
    Value wanted = arith::ConstantIntOp::create(rewriter, loc, count, 32);
    Value processors =
        func::CallOp::create(rewriter, loc, getProcessorCount(op)).getResult(0);
    return arith::MinSIOp::create(rewriter, loc, wanted, processors);
  }

  /// The runtime's function.
  func::FuncOp getProcessorCount(Operation *op) {
    auto module = op->getParentOfType<ModuleOp>();
    constexpr StringLiteral name = "omp_get_num_procs";
    if (auto function = module.lookupSymbol<func::FuncOp>(name))
      return function;
    OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
    auto function = func::FuncOp::create(b, module.getLoc(), name,
                                         b.getFunctionType({}, b.getI32Type()));
    function.setPrivate();
    return function;
  }

  void emitThreads(scf::ParallelOp op, int64_t count) {
    Location loc = op.getLoc();
    rewriter.setInsertionPoint(op);
    omp::ParallelOperands team;
    team.numThreads = emitTeamSize(op, count);
    auto parallel = omp::ParallelOp::create(rewriter, loc, team);
    rewriter.createBlock(&parallel.getRegion());
    auto shared = omp::WsloopOp::create(rewriter, loc, omp::WsloopOperands());
    omp::TerminatorOp::create(rewriter, loc);
    rewriter.createBlock(&shared.getRegion());
    omp::LoopNestOperands bounds;
    bounds.collapseNumLoops = rewriter.getI64IntegerAttr(op.getNumLoops());
    llvm::append_range(bounds.loopLowerBounds, op.getLowerBound());
    llvm::append_range(bounds.loopUpperBounds, op.getUpperBound());
    llvm::append_range(bounds.loopSteps, op.getStep());
    auto nest = omp::LoopNestOp::create(rewriter, loc, bounds);
    nest.getRegion().takeBody(op.getRegion());
    Operation *end = nest.getRegion().front().getTerminator();
    rewriter.setInsertionPoint(end);
    omp::YieldOp::create(rewriter, loc, ValueRange());
    rewriter.eraseOp(end);
    rewriter.eraseOp(op);
  }

  IRRewriter rewriter;
  int64_t threads;
};

struct DistributeLoopsPass : impl::DistributeLoopsBase<DistributeLoopsPass> {
  using DistributeLoopsBase::DistributeLoopsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    Distributor distributor(&getContext(), getNumThreads(module));
    SmallVector<Operation *> outermost;
    module.walk<WalkOrder::PreOrder>([&](Operation *op) {
      auto loop = dyn_cast<scf::ParallelOp>(op);
      bool isOurs =
          loop ? loop.getNumReductions() == 0 : isa<scf::ForallOp>(op);
      if (isOurs)
        outermost.push_back(op);
      return isOurs ? WalkResult::skip() : WalkResult::advance();
    });
    for (Operation *op : outermost) {
      auto loop = dyn_cast<scf::ParallelOp>(op);
      if (failed(loop ? distributor.distribute(loop)
                      : distributor.distribute(cast<scf::ForallOp>(op))))
        return signalPassFailure();
    }
    module->removeAttr(kThreadsAttr);
  }
};

} // namespace
} // namespace mlir::qfmt
