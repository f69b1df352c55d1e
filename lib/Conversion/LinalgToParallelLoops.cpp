//===- LinalgToParallelLoops.cpp - linalg.generic as scf.parallel ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  linalg.generic on buffers, its loops in a good order.
// Output: scf.parallel and scf.for, where each iteration of the parallel loops
//         writes elements of its own; the rest as it was.
//
//===----------------------------------------------------------------------===//

#include "LoopStrides.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "qfmt/Conversion/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_LINALGTOPARALLELLOOPS
#include "qfmt/Conversion/Passes.h.inc"

namespace {

struct LinalgToParallelLoopsPass
    : impl::LinalgToParallelLoopsBase<LinalgToParallelLoopsPass> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> generics;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.hasPureBufferSemantics() && hasInjectiveOutputs(op))
        generics.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::GenericOp op : generics) {
      rewriter.setInsertionPoint(op);
      if (failed(linalg::linalgOpToParallelLoops(rewriter, op)))
        return signalPassFailure();
      rewriter.eraseOp(op);
    }
  }
};

} // namespace
} // namespace mlir::qfmt
