// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input and output: level real. torch-mlir computes the index of every maximum
// that it takes; no pass for linalg upstream drops those that nobody reads.

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "qfmt/Transforms/Passes.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_ERASEUNUSEDRESULTS
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

namespace {
struct EraseUnusedResultsPass
    : qfmt::impl::EraseUnusedResultsBase<EraseUnusedResultsPass> {
  using Base::Base;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
    // Constants keep their places: that is canonicalization's business.
    GreedyRewriteConfig config;
    config.enableFolding(false).enableConstantCSE(false);
    if (failed(
            applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};
} // namespace
