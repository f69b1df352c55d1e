//===- ProductsToVectors.cpp - Packed matrix products as vector loops -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  products that qfmt-pack-products has packed, on tensors.
// Output: scf loops on tensors, vectors, instructions of the target: the loops
// of ProductLoops around an IntegerTile.
//
// U and V are such that accumulators, a panel's groups and two more values fit
// the registers. Sums are one part unless a panel would take more than a
// quarter of the level-2 cache. One thread.
//
//===----------------------------------------------------------------------===//

#include "IntegerTile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "qfmt/CodeGen/CPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_PRODUCTSTOVECTORS
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-products-to-vectors");
}

void reportProduct(linalg::GenericOp op, const Blocking &blocking,
                   const Epilogue &epilogue) {
  if (epilogue.size() == 0 && !epilogue.getWhyNot().empty())
    remark::missed(op.getLoc(), getRemarkOptions("NotFused"))
        << "sums are written to memory: " << epilogue.getWhyNot();
  remark::passed(op.getLoc(), getRemarkOptions("Blocks"))
      << "a product of packed bytes" << remark::metric("Rows", blocking.rows)
      << remark::metric("ColumnBlocks", blocking.columnBlocks)
      << remark::metric("Terms", blocking.steps * kTermsPerDot)
      << remark::metric("CachedRows", blocking.cachedRows)
      << remark::metric("FusedOperations", epilogue.size());
}

/// False if `op` is no packed product that the target's instructions can read.
bool emitProduct(linalg::GenericOp op, const CpuTarget &target) {
  StringRef whyNot;
  std::optional<IntegerProduct> product = matchIntegerProduct(op, whyNot);
  if (!product || !getPackedFactor(product->rhs->get()))
    return false;
  std::optional<CodeReading> reading = getCodeReading(product->lhsValues);
  std::optional<CodeReading> right = getCodeReading(product->rhsValues);
  if (!reading || !right || right->isUnsigned || right->offset != 0)
    return false;
  ByteDotProduct dot(target, *reading);
  if (!dot.isLegal())
    return false;
  Epilogue epilogue(op);
  Blocking blocking = IntegerTile::chooseBlocking(target, dot, *product);
  reportProduct(op, blocking, epilogue);
  ImplicitLocOpBuilder b(op.getLoc(), epilogue.getLast());
  IntegerTile tile(b, *product, dot, epilogue);
  OpFoldResult rows =
      tensor::getMixedSize(b, op.getLoc(), product->lhs->get(), 0);
  Value result = ProductLoops(b, blocking, epilogue, tile, rows, product->n,
                              product->k / kTermsPerDot)
                     .emit();
  epilogue.replace(b, result);
  return true;
}

struct ProductsToVectorsPass
    : impl::ProductsToVectorsBase<ProductsToVectorsPass> {
  using ProductsToVectorsBase::ProductsToVectorsBase;

  void runOnOperation() override {
    CpuTarget target = CpuTarget::get(getOperation(), instructions, l2Bytes);
    // Not the others: an epilogue is erased together with its product.
    SmallVector<linalg::GenericOp> products;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.getNumReductionLoops() != 0)
        products.push_back(op);
    });
    for (linalg::GenericOp op : products)
      emitProduct(op, target);
  }
};

} // namespace
} // namespace mlir::qfmt
