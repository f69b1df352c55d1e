//===- GroupsToVectors.cpp - Products in groups as vector loops -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  products that qfmt-pack-groups has packed, on tensors.
// Output: scf loops on tensors, vectors, instructions of the target: the loops
// of ProductLoops around a GroupTile or an AmxGroupTile.
//
//===----------------------------------------------------------------------===//

#include "AmxGroupTile.h"
#include "GroupBody.h"
#include "GroupTile.h"
#include "Roofline.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "qfmt/CodeGen/CPU/Passes.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_GROUPSTOVECTORS
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-groups-to-vectors");
}

/// Of what is kept in memory: a packed constant, not what it is unpacked to.
Type getStoredType(Value value) {
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<cpu::UnpackIntegersOp, cpu::UnpackScalesOp>(op))
    return op->getOperand(0).getType();
  return value.getType();
}

/// Scales and what else is read beside the sums count as the right factor.
KernelSize getSize(const GroupedProduct &product, const Epilogue &epilogue,
                   const Blocking &blocking) {
  linalg::GenericOp op = product.op, sums = product.sums;
  SmallVector<Type> right = {getStoredType(product.rhs->get())};
  for (Value input : op.getDpsInputs())
    if (input.getDefiningOp() != sums)
      right.push_back(getStoredType(input));
  auto rhs = product.rhs->get().getDefiningOp<cpu::UnpackIntegersOp>();
  if (rhs.getGroups())
    right.push_back(rhs.getGroups().getType());
  return KernelSize::get(product.m, product.n,
                         product.groups * product.groupSize,
                         blocking.cachedRows, {product.lhs.getType()}, right,
                         epilogue.getLast().getResult(0).getType());
}

void reportLimits(const GroupedProduct &product, const CpuTarget &target,
                  bool usesTiles, const Epilogue &epilogue,
                  const Blocking &blocking) {
  KernelSize size = getSize(product, epilogue, blocking);
  int64_t rate = target.rates.products;
  if (usesTiles)
    rate = AmxGroupTile::addLimits(target, product, size);
  reportRoofline(linalg::GenericOp(product.op).getLoc(),
                 "qfmt-groups-to-vectors", target, rate, size, blocking);
}

/// Why a target with tiles does not take them.
void reportNoTiles(const GroupedProduct &product, const CpuTarget &target) {
  StringRef why = "groups are too short for the rows that fill the last tile";
  if (ShapedType::isDynamic(product.m))
    why = "the number of rows is unknown";
  else if (!target.usesTiles(product.m))
    why = "there are few rows";
  remark::missed(linalg::GenericOp(product.op).getLoc(),
                 getRemarkOptions("NotInTiles"))
      << "groups are multiplied by vector instructions: " << why
      << remark::metric("TileCycles",
                        int64_t(target.getTileGroupCycles(product.groupSize)))
      << remark::metric("VectorCycles", int64_t(target.getVectorGroupCycles(
                                            product.groupSize)));
}

std::unique_ptr<ProductTile> makeTile(ImplicitLocOpBuilder &b, bool usesTiles,
                                      const GroupedProduct &product,
                                      const CpuTarget &target,
                                      const Epilogue &epilogue) {
  if (usesTiles)
    return std::make_unique<AmxGroupTile>(product, epilogue);
  return std::make_unique<GroupTile>(b, product, target, epilogue);
}

void emitProduct(const GroupedProduct &product, const CpuTarget &target) {
  linalg::GenericOp sums = product.sums;
  if (!product.rhs->get().getDefiningOp<cpu::UnpackIntegersOp>() ||
      !hasReadableBody(product)) {
    remark::missed(sums.getLoc(), getRemarkOptions("NotVectorized"))
        << "sums of groups are written to memory: an operand beside them is "
           "neither packed nor the same for all columns";
    return;
  }
  Epilogue epilogue(product.op);
  bool usesTiles = target.usesTilesForGroups(product.m, product.groupSize);
  if (target.hasTiles && !usesTiles)
    reportNoTiles(product, target);
  Blocking blocking = usesTiles ? AmxGroupTile::chooseBlocking(target, product)
                                : GroupTile::chooseBlocking(target, product);
  reportBlocks(linalg::GenericOp(product.op).getLoc(), "qfmt-groups-to-vectors",
               usesTiles ? "a product in groups, in tiles"
                         : "a product in groups",
               blocking, epilogue);
  reportLimits(product, target, usesTiles, epilogue, blocking);
  ImplicitLocOpBuilder b(sums.getLoc(), epilogue.getLast());
  std::unique_ptr<ProductTile> tile =
      makeTile(b, usesTiles, product, target, epilogue);
  OpFoldResult rows = tensor::getMixedSize(b, b.getLoc(), product.lhs, 0);
  Value result = ProductLoops(b, blocking, epilogue, *tile, rows, product.n,
                              product.groups)
                     .emit();
  epilogue.replace(b, result);
  sums.erase();
}

struct GroupsToVectorsPass : impl::GroupsToVectorsBase<GroupsToVectorsPass> {
  using GroupsToVectorsBase::GroupsToVectorsBase;

  void runOnOperation() override {
    CpuTarget target = CpuTarget::get(getOperation(), instructions, l2Bytes);
    target.overrideRates(productsPerCycle, l2BytesPerCycle, farBytesPerCycle);
    SmallVector<GroupedProduct> products;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (auto product = matchGroupedProduct(op))
        products.push_back(*product);
    });
    for (const GroupedProduct &product : products)
      emitProduct(product, target);
  }
};

} // namespace
} // namespace mlir::qfmt
