//===- FuseVariableProducts.cpp - Products of two variables ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; products of two variables by rows and columns, as
//         qfmt-batches-to-rows leaves them.
// Output: qfmt_gpu.product on tensors; everything else as it was.
//
//===----------------------------------------------------------------------===//

#include "FusedBody.h"
#include "TensorCoreTier.h"
#include "VariableMmaTile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/CodeGen/Products/VariableProduct.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_FUSEVARIABLEPRODUCTS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// `matrix` as a batch.
Value expandBatch(ImplicitLocOpBuilder &b, Value matrix) {
  auto type = cast<RankedTensorType>(matrix.getType());
  if (type.getRank() == 3)
    return matrix;
  SmallVector<ReassociationIndices> groups = {{0, 1}, {2}};
  auto batch = RankedTensorType::get(
      {1, type.getDimSize(0), type.getDimSize(1)}, type.getElementType());
  return tensor::ExpandShapeOp::create(b, batch, matrix, groups);
}

/// What makes the codes of 4 bits whose packed bytes the product can read in
/// place of its right factor; null if there is no such thing.
kernel::UnpackCodesOp getPackedFactor(const VariableProduct &product) {
  Value codes = product.rhs->get();
  int64_t rowCodes = cast<RankedTensorType>(codes.getType()).getShape().back();
  while (Operation *op = codes.getDefiningOp()) {
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
      break;
    codes = op->getOperand(0);
  }
  auto unpack = codes.getDefiningOp<kernel::UnpackCodesOp>();
  bool isRead = unpack && unpack.getBits() == 4 && product.bits == 8 &&
                rowCodes % 2 == 0 &&
                product.k <= kernel::ProductOp::kMostTermsOfParts &&
                (unpack.getIsUnsigned() || !product.rhsReading.isUnsigned);
  return isRead ? unpack : kernel::UnpackCodesOp();
}

/// The bytes of `unpack` as a batch of what `matrix` has, two codes each.
Value expandPacked(ImplicitLocOpBuilder &b, kernel::UnpackCodesOp unpack,
                   Value matrix) {
  auto type = cast<RankedTensorType>(matrix.getType());
  SmallVector<int64_t> sizes(type.getShape());
  if (sizes.size() == 2)
    sizes.insert(sizes.begin(), 1);
  sizes.back() /= 2;
  return tensor::ExpandShapeOp::create(
      b, type.clone(sizes), unpack.getBytes(),
      SmallVector<ReassociationIndices>{{0, 1, 2}});
}

kernel::ProductOp emitProduct(ImplicitLocOpBuilder &b,
                              const VariableProduct &product, Type element) {
  Value out =
      tensor::EmptyOp::create(b, ArrayRef{product.m, product.n}, element);
  kernel::UnpackCodesOp packed = getPackedFactor(product);
  Value rhs = packed ? expandPacked(b, packed, product.rhs->get())
                     : expandBatch(b, product.rhs->get());
  auto op = kernel::ProductOp::create(b, product.lhs->get(), rhs, out);
  op.setLhsUnsigned(product.lhsReading.isUnsigned);
  op.setRhsUnsigned(packed ? packed.getIsUnsigned()
                           : product.rhsReading.isUnsigned);
  if (packed)
    op.setRhsBits(4);
  op.setByTerms(!product.isRhsTransposed);
  return op;
}

/// The sum and the initial value.
Value emitWholeSum(FusedBody &body, const VariableProduct &product) {
  Value init =
      body.emitElement(product.getInit(), body.b.getMultiDimIdentityMap(2));
  if (matchPattern(init, m_Zero()))
    return body.getSum();
  return arith::AddIOp::create(body.b, body.getSum(), init);
}

void fuse(const VariableProduct &product) {
  StringRef whyNot;
  SmallVector<linalg::GenericOp> chain = getFusable(product.op, whyNot);
  linalg::GenericOp first = product.op;
  linalg::GenericOp last = chain.empty() ? first : chain.back();
  ImplicitLocOpBuilder b(last.getLoc(), last);
  kernel::ProductOp op =
      emitProduct(b, product, getElementTypeOrSelf(last.getResult(0)));
  FusedBody body(op.getBody(), b.getLoc(), b.getIntegerType(product.sumBits));
  Value sum = emitWholeSum(body, product);
  kernel::YieldOp::create(body.b, body.emitChain(product.op, chain, sum));
  op.getExtrasMutable().assign(body.extras);
  op.setMapsAttr(b.getAffineMapArrayAttr(body.maps));
  remark::passed(first.getLoc(), remark::RemarkOpts::name("Fused").category(
                                     "qfmt-fuse-variable-products"))
      << "a product of two variables for tensor cores"
      << remark::metric("K", product.k) << remark::metric("N", product.n)
      << remark::metric("FusedOperations", chain.size());
  replaceFused(product.op, chain, op.getResult());
}

struct FuseVariableProductsPass
    : impl::FuseVariableProductsBase<FuseVariableProductsPass> {
  using FuseVariableProductsBase::FuseVariableProductsBase;

  void runOnOperation() override {
    FailureOr<bool> isUsed = usesTensorCores(getOperation(), tier);
    if (failed(isUsed))
      return signalPassFailure();
    if (!*isUsed)
      return;
    for (linalg::GenericOp op : collectProducts(getOperation())) {
      StringRef whyNot;
      std::optional<VariableProduct> product = matchVariableProduct(op, whyNot);
      if (product &&
          VariableMmaTile::getWhyNot(product->lhsReading, product->rhsReading,
                                     product->bits, product->k)
              .empty())
        fuse(*product);
    }
  }
};

} // namespace
} // namespace mlir::qfmt
