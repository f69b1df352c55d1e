//===- BatchesToProducts.cpp - Batches of products by rows and columns ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; products of two variable integer matrices, and
// batches of them, as linalg.generic on tensors of known sizes.
// Output: one product whose result is a matrix: the rows of all batches, one
// below the other. The map of the second factor says which one a row reads.
//
// What reads the result can then be computed on sums, as for other products.
// Products of few rows stay: packing a factor would take longer.
//
//===----------------------------------------------------------------------===//

#include "VariableTile.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/CPU/Passes.h"
#include "qfmt/CodeGen/Products/CollapseBatches.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_BATCHESTOPRODUCTS
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

/// Fewer rows are not worth it.
constexpr int64_t kMinRows = 4;

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-batches-to-products");
}

StringRef getWhyNot(const BatchedProduct &product, const CpuTarget &target) {
  linalg::GenericOp op = product.op;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  if (sizes[product.m] < kMinRows)
    return "it has too few rows for a factor that would have to be packed";
  return VariableTile::getWhyNot(product.rhsReading, product.bits,
                                 sizes[product.k], target);
}

struct BatchesToProductsPass
    : impl::BatchesToProductsBase<BatchesToProductsPass> {
  using BatchesToProductsBase::BatchesToProductsBase;

  void runOnOperation() override {
    CpuTarget target = CpuTarget::get(getOperation(), instructions, l2Bytes);
    SmallVector<linalg::GenericOp> generics;
    getOperation()->walk([&](linalg::GenericOp op) { generics.push_back(op); });
    for (linalg::GenericOp op : generics) {
      StringRef whyNot;
      std::optional<BatchedProduct> product = matchBatchedProduct(op, whyNot);
      if (product)
        whyNot = getWhyNot(*product, target);
      if (product && whyNot.empty())
        collapseBatches(*product);
      else if (!whyNot.empty())
        remark::missed(op.getLoc(), getRemarkOptions("NoBatches"))
            << "no product of matrices: " << whyNot;
    }
  }
};

} // namespace
} // namespace mlir::qfmt
