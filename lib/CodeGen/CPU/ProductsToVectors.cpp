//===- ProductsToVectors.cpp - Packed matrix products as vector loops -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  products that qfmt-pack-products has packed, on tensors.
// Output: scf loops on tensors, vectors, instructions of the target: the loops
// of ProductLoops around an AmxTile or an IntegerTile.
//
// U and V are such that accumulators, a panel's groups and two more values fit
// the registers. Sums are one part unless a panel would take more than a
// quarter of the level-2 cache. One thread.
//
//===----------------------------------------------------------------------===//

#include "AmxTile.h"
#include "DepthwiseTile.h"
#include "IntegerTile.h"
#include "Roofline.h"
#include "VariableTile.h"
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

/// What of a packed factor lies in memory; null if it is not packed.
Value getStoredFactor(Value rhs) {
  if (cpu::UnpackIntegersOp codes = getPackedCodes(rhs))
    return codes.getPacked();
  return getPackedFactor(rhs);
}

void reportLimits(const IntegerProduct &product, const CpuTarget &target,
                  bool usesTiles, const Epilogue &epilogue,
                  const Blocking &blocking) {
  KernelSize size =
      KernelSize::get(product.m, product.n, product.k, blocking.cachedRows,
                      {product.lhs->get().getType()},
                      {getStoredFactor(product.rhs->get()).getType()},
                      epilogue.getLast().getResult(0).getType());
  if (cpu::UnpackIntegersOp codes = getPackedCodes(product.rhs->get()))
    size.panelBytes *= codes.getNumFields();
  reportRoofline(linalg::GenericOp(product.op).getLoc(),
                 "qfmt-products-to-vectors", target,
                 usesTiles ? target.rates.tileProducts : target.rates.products,
                 size, blocking);
}

Value emitLoops(ImplicitLocOpBuilder &b, const IntegerProduct &product,
                const CpuTarget &target, Epilogue &epilogue,
                const Blocking &blocking, ProductTile &tile, int64_t numSteps,
                bool usesTiles = false) {
  // Asking for the size of the result would be one more reader of the initial
  // values.
  OpFoldResult rows = b.getIndexAttr(product.m);
  if (ShapedType::isDynamic(product.m))
    rows = tensor::getMixedSize(b, b.getLoc(), product.lhs->get(), 0);
  reportBlocks(linalg::GenericOp(product.op).getLoc(),
               "qfmt-products-to-vectors", "a product of packed bytes",
               blocking, epilogue);
  reportLimits(product, target, usesTiles, epilogue, blocking);
  return ProductLoops(b, blocking, epilogue, tile, rows, product.n, numSteps)
      .emit();
}

/// False if `op` is no packed product that the target's instructions can read.
bool emitProduct(linalg::GenericOp op, const CpuTarget &target) {
  StringRef whyNot;
  std::optional<IntegerProduct> product = matchIntegerProduct(op, whyNot);
  if (!product || !getStoredFactor(product->rhs->get()))
    return false;
  std::optional<CodeReading> reading = getCodeReading(product->lhsValues);
  std::optional<CodeReading> right = getCodeReading(product->rhsValues);
  if (!reading || !right || right->isUnsigned || right->offset != 0)
    return false;
  ByteDotProduct dot(target, *reading, hasNarrowPairs(*product, target));
  bool usesTiles = AmxTile::isUsed(*product, target) && reading->offset == 0;
  if (!usesTiles && !dot.isLegal())
    return false;
  Epilogue epilogue(op);
  ImplicitLocOpBuilder b(op.getLoc(), epilogue.getLast());
  Value result;
  if (product->isDepthwise()) {
    std::optional<DepthwiseRows> places = DepthwiseRows::find(*product);
    if (!places)
      return false;
    DepthwiseTile tile(b, *product, *places, dot, epilogue);
    result = emitLoops(b, *product, target, epilogue,
                       DepthwiseTile::chooseBlocking(*places), tile, 1);
  } else if (usesTiles) {
    AmxTile tile(b, *product, *reading, epilogue);
    result = emitLoops(b, *product, target, epilogue,
                       AmxTile::chooseBlocking(target, *product), tile,
                       AmxTile::getNumSteps(*product), usesTiles);
  } else {
    IntegerTile tile(b, *product, dot, epilogue);
    result = emitLoops(b, *product, target, epilogue,
                       IntegerTile::chooseBlocking(target, dot, *product), tile,
                       IntegerTile::getNumSteps(*product));
  }
  epilogue.replace(b, result);
  return true;
}

/// The same for a product of two variables.
bool emitVariableProduct(linalg::GenericOp op, const CpuTarget &target) {
  StringRef whyNot;
  std::optional<VariableProduct> product = matchVariableProduct(op, whyNot);
  if (!product || !VariableTile::getWhyNot(product->rhsReading, product->bits,
                                           product->k, target)
                       .empty())
    return false;
  Epilogue epilogue(op);
  ImplicitLocOpBuilder b(op.getLoc(), epilogue.getLast());
  Blocking blocking = VariableTile::chooseBlocking(*product);
  reportBlocks(op.getLoc(), "qfmt-products-to-vectors",
               "a product of packed bytes", blocking, epilogue);
  VariableTile tile(b, *product, target, epilogue);
  Value result = ProductLoops(b, blocking, epilogue, tile,
                              b.getIndexAttr(product->m), product->n, 1)
                     .emit();
  epilogue.replace(b, result);
  return true;
}

struct ProductsToVectorsPass
    : impl::ProductsToVectorsBase<ProductsToVectorsPass> {
  using ProductsToVectorsBase::ProductsToVectorsBase;

  void runOnOperation() override {
    CpuTarget target = CpuTarget::get(getOperation(), instructions, l2Bytes);
    target.overrideRates(productsPerCycle, l2BytesPerCycle, farBytesPerCycle);
    // Not the others: an epilogue is erased together with its product.
    SmallVector<linalg::GenericOp> products;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.getNumReductionLoops() != 0)
        products.push_back(op);
    });
    for (linalg::GenericOp op : products)
      if (!emitProduct(op, target))
        emitVariableProduct(op, target);
  }
};

} // namespace
} // namespace mlir::qfmt
