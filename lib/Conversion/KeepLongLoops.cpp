//===- KeepLongLoops.cpp - Which loops LLVM should not unroll -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  functions of the LLVM dialect.
// Output: the same; the branches back of loops with long bodies say
//         loop_annotation = unroll.disable.
//
// LLVM unrolls a loop of known count whole. Loops around a block of 16 x 64
// sums then are straight code of many kilobytes: no faster, and its scheduler
// takes time with the square of a block's length.
//
//===----------------------------------------------------------------------===//

#include "mlir/Analysis/CFGLoopInfo.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/Conversion/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_KEEPLONGLOOPS
#include "qfmt/Conversion/Passes.h.inc"

namespace {

LLVM::LoopAnnotationAttr getNoUnrolling(MLIRContext *context) {
  auto unroll = LLVM::LoopUnrollAttr::get(context, BoolAttr::get(context, true),
                                          {}, {}, {}, {}, {}, {});
  return LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, unroll, {}, {}, {},
                                       {}, {}, {}, {}, {}, {}, {}, {});
}

void annotate(const CFGLoop &loop, LLVM::LoopAnnotationAttr annotation) {
  SmallVector<Block *> latches;
  loop.getLoopLatches(latches);
  for (Block *latch : latches) {
    Operation *branch = latch->getTerminator();
    if (auto br = dyn_cast<LLVM::BrOp>(branch))
      br.setLoopAnnotationAttr(annotation);
    else if (auto condBr = dyn_cast<LLVM::CondBrOp>(branch))
      condBr.setLoopAnnotationAttr(annotation);
  }
}

std::optional<int64_t> getInteger(Value value) {
  APInt integer;
  if (matchPattern(value, m_ConstantInt(&integer)))
    return integer.trySExtValue();
  return std::nullopt;
}

/// What `block` passes as argument `index` to `target`.
Value getPassed(Block *block, Block *target, unsigned index) {
  auto branch = dyn_cast<BranchOpInterface>(block->getTerminator());
  if (!branch)
    return {};
  for (unsigned i = 0, e = block->getNumSuccessors(); i < e; ++i)
    if (block->getSuccessor(i) == target)
      return branch.getSuccessorOperands(i)[index];
  return {};
}

/// Of a loop that scf.for became: the header compares an argument with the end,
/// and the latch adds the step.
std::optional<int64_t> getTripCount(const CFGLoop &loop) {
  Block *header = loop.getHeader();
  Block *before = loop.getLoopPredecessor(), *latch = loop.getLoopLatch();
  auto exit = dyn_cast<LLVM::CondBrOp>(header->getTerminator());
  if (!before || !latch || !exit)
    return std::nullopt;
  auto compare = exit.getCondition().getDefiningOp<LLVM::ICmpOp>();
  auto position =
      compare ? dyn_cast<BlockArgument>(compare.getLhs()) : BlockArgument();
  if (!position || position.getOwner() != header)
    return std::nullopt;
  unsigned index = position.getArgNumber();
  Value first = getPassed(before, header, index);
  Value following = getPassed(latch, header, index);
  if (!first || !following)
    return std::nullopt;
  auto next = following.getDefiningOp<LLVM::AddOp>();
  std::optional<int64_t> begin = getInteger(first);
  std::optional<int64_t> end = getInteger(compare.getRhs());
  if (!next || next.getLhs() != position || !begin || !end)
    return std::nullopt;
  std::optional<int64_t> step = getInteger(next.getRhs());
  int64_t distance;
  if (!step || *step <= 0 || *end <= *begin ||
      llvm::SubOverflow(*end, *begin, distance))
    return std::nullopt;
  return llvm::divideCeil(distance, *step);
}

/// Operations of the loop if it and those in it were unrolled; a loop of
/// unknown count counts once. Annotates it if they are more than
/// `maxOperations`.
double visit(const CFGLoop &loop, double maxOperations,
             LLVM::LoopAnnotationAttr annotation) {
  double size = 0;
  for (Block *block : loop.getBlocks())
    size += llvm::range_size(*block);
  for (const CFGLoop *inner : loop.getSubLoops()) {
    double operations = 0;
    for (Block *block : inner->getBlocks())
      operations += llvm::range_size(*block);
    size += visit(*inner, maxOperations, annotation) - operations;
  }
  size *= getTripCount(loop).value_or(1);
  if (size > maxOperations)
    annotate(loop, annotation);
  return size;
}

struct KeepLongLoopsPass : impl::KeepLongLoopsBase<KeepLongLoopsPass> {
  using KeepLongLoopsBase::KeepLongLoopsBase;

  void runOnOperation() override {
    Region &body = getOperation().getBody();
    // With one block there are no loops, and no dominance tree.
    if (body.empty() || body.hasOneBlock())
      return;
    DominanceInfo dominance(getOperation());
    CFGLoopInfo loops(dominance.getDomTree(&body));
    LLVM::LoopAnnotationAttr annotation = getNoUnrolling(&getContext());
    for (const CFGLoop *loop : loops.getTopLevelLoops())
      visit(*loop, maxOperations, annotation);
  }
};

} // namespace
} // namespace mlir::qfmt
