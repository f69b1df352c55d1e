//===- SplitAccumulators.cpp - Sums in 64 bits as sums of 32-bit chains ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level integer, or encoded tensors taken apart; linalg operations on
//         tensors that add integers up in an i64.
// Output: the same sums, every bit of them. The terms are added up in i32, in
//         chains so short that no partial sum can leave it; what the chains
//         give is added up in i64:
//
//   acc[m, n] += a[m, k] * b[k, n]
//   // becomes
//   part[c, m, n] += a[m, c, l] * b[c, l, n]     i32, from 0
//   acc[m, n] += part[c, m, n]                   i64
//
// Left alone: sums of which no chain of two terms (or of as many as an option
// says) is safe, accumulators that are no i64, operations with several results,
// dynamic sizes along reduced loops. No dot-product instruction is chosen here.
//
//===----------------------------------------------------------------------===//

#include "SplitAccumulators/Chains.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/IR/Certificate.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/Statistic.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_SPLITACCUMULATORS
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-split-accumulators"
ALWAYS_ENABLED_STATISTIC(numSplit, "Sums split into chains");
ALWAYS_ENABLED_STATISTIC(numNarrowed, "Sums taken in 32 bits as a whole");

//===----------------------------------------------------------------------===//
// Diagnostics
//===----------------------------------------------------------------------===//

/// What integerization proved of the results that `value` leads to does not
/// hold if it may be wrong. A region ends at the operation that has the bound.
static void voidBounds(Value value) {
  SmallVector<Value> pending = {value};
  llvm::SmallDenseSet<Operation *> seen;
  while (!pending.empty()) {
    for (Operation *user : pending.pop_back_val().getUsers()) {
      if (!seen.insert(user).second)
        continue;
      if (!user->hasAttr(kErrorBoundAttr)) {
        llvm::append_range(pending, user->getResults());
        continue;
      }
      Builder builder(user);
      user->setAttr(
          kErrorBoundAttr,
          builder.getF64FloatAttr(std::numeric_limits<double>::infinity()));
    }
  }
}

static void warnUnsafe(const WideSum &sum, const ChainPlanner &planner,
                       const ChainPlan &plan) {
  linalg::LinalgOp(sum.op).emitWarning()
      << "chain-length makes chains of " << plan.countTerms(sum)
      << " terms, whose sums may overflow 32 bits: a term is in "
      << sum.termRange.smin().getSExtValue() << " ... "
      << sum.termRange.smax().getSExtValue() << ", of which "
      << planner.getSafeLength()
      << (planner.getSafeLength() == 1 ? " is" : " are")
      << " safe; results and error bounds are no longer proven";
}

static remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-split-accumulators");
}

static void reportChains(const WideSum &sum, const ChainPlan &plan) {
  remark::passed(linalg::LinalgOp(sum.op).getLoc(), getRemarkOptions("Chains"))
      << "sums are taken in 32 bits, chain by chain"
      << remark::metric("Terms", plan.countTerms(sum));
}

static void reportNone(const WideSum &sum, const ChainPlanner &planner) {
  remark::missed(linalg::LinalgOp(sum.op).getLoc(), getRemarkOptions("Wide"))
      << "sums stay in 64 bits"
      << remark::metric("TermMin", sum.termRange.smin().getSExtValue())
      << remark::metric("TermMax", sum.termRange.smax().getSExtValue())
      << remark::metric("SafeTerms", planner.getSafeLength());
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct Split {
  WideSum sum;
  ChainPlan plan;
};

struct SplitAccumulatorsPass
    : qfmt::impl::SplitAccumulatorsBase<SplitAccumulatorsPass> {
  using Base::Base;

  void runOnOperation() override {
    if (chainLength == 1) {
      emitError(getOperation()->getLoc(),
                "chain-length is 1, which splits nothing; use 2 or more, or 0 "
                "for the longest safe chains");
      return signalPassFailure();
    }
    // Ranges are of the module as it was.
    ElementRanges ranges;
    ranges.computeAll(getOperation());
    std::vector<Split> splits;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (std::optional<Split> split = plan(op, ranges))
        splits.push_back(std::move(*split));
    });
    for (const Split &split : splits)
      rewrite(split);
  }

  std::optional<Split> plan(linalg::LinalgOp op, ElementRanges &ranges);
  void rewrite(const Split &split);
};
} // namespace

std::optional<Split> SplitAccumulatorsPass::plan(linalg::LinalgOp op,
                                                 ElementRanges &ranges) {
  std::optional<WideSum> sum = matchWideSum(op, ranges);
  if (!sum)
    return std::nullopt;
  ChainPlanner planner(*sum, ranges, chainLength, minLength);
  std::optional<ChainPlan> plan = planner.choose();
  // A term that needs more than 32 bits is in no chain.
  if (!plan || planner.getSafeLength() == 0) {
    reportNone(*sum, planner);
    return std::nullopt;
  }
  if (!planner.isSafe(*plan)) {
    warnUnsafe(*sum, planner, *plan);
    voidBounds(op->getResult(0));
  }
  reportChains(*sum, *plan);
  ++(plan->isWhole() ? numNarrowed : numSplit);
  return Split{std::move(*sum), std::move(*plan)};
}

void SplitAccumulatorsPass::rewrite(const Split &split) {
  linalg::LinalgOp op = split.sum.op;
  OpBuilder builder(op);
  linalg::GenericOp result = buildChains(builder, split.sum, split.plan);
  result->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  op->getResult(0).replaceAllUsesWith(result.getResult(0));
  op->erase();
}
