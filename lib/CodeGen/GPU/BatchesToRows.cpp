//===- BatchesToRows.cpp - Batches of products, one below the other -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; products of two variables, and batches of them,
//         as linalg.generic on tensors of known sizes.
// Output: one product whose result is a matrix with the rows of all batches,
//         where tensor cores can compute it; all others as they were.
//
// What reads the result can then become part of the product.
//
//===----------------------------------------------------------------------===//

#include "TensorCoreTier.h"
#include "VariableMmaTile.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/CodeGen/Products/CollapseBatches.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_BATCHESTOROWS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

StringRef getWhyNot(const BatchedProduct &product) {
  linalg::GenericOp op = product.op;
  return VariableMmaTile::getWhyNot(product.lhsReading, product.rhsReading,
                                    product.bits,
                                    op.getStaticLoopRanges()[product.k]);
}

struct BatchesToRowsPass : impl::BatchesToRowsBase<BatchesToRowsPass> {
  using BatchesToRowsBase::BatchesToRowsBase;

  void runOnOperation() override {
    FailureOr<bool> isUsed = usesTensorCores(getOperation(), tier);
    if (failed(isUsed))
      return signalPassFailure();
    if (!*isUsed)
      return;
    SmallVector<linalg::GenericOp> generics;
    getOperation()->walk([&](linalg::GenericOp op) { generics.push_back(op); });
    for (linalg::GenericOp op : generics) {
      StringRef whyNot;
      std::optional<BatchedProduct> product = matchBatchedProduct(op, whyNot);
      if (product)
        whyNot = getWhyNot(*product);
      if (product && whyNot.empty())
        collapseBatches(*product);
      else if (!whyNot.empty())
        remark::missed(op.getLoc(), remark::RemarkOpts::name("NoBatches")
                                        .category("qfmt-batches-to-rows"))
            << "no product of two variables on tensor cores: " << whyNot;
    }
  }
};

} // namespace
} // namespace mlir::qfmt
