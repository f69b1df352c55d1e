//===- FuseFloat8Products.cpp - Products of fp8 with what follows them ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; sums of products of the numbers of codes of fp8
//         as linalg.generic on tensors, as qfmt-factor-float8-scales makes
//         them.
// Output: qfmt_gpu.product on tensors, whose sums have the order of the kernel;
//         everything else as it was.
//
// The right factor becomes N x K: a constant is stored so, and anything else
// transposed when the program runs.
//
//===----------------------------------------------------------------------===//

#include "FusedBody.h"
#include "TensorCoreTier.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/CodeGen/Products/ConstantBits.h"
#include "qfmt/CodeGen/Products/Float8Codes.h"
#include "qfmt/CodeGen/Products/FloatProduct.h"
#include "qfmt/CodeGen/Products/ProductBody.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_FUSEFLOAT8PRODUCTS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

//===----------------------------------------------------------------------===//
// What is fused
//===----------------------------------------------------------------------===//

struct Float8Product {
  FloatProduct product;
  FloatType lhsFormat, rhsFormat;
};

bool hasBytes(linalg::GenericOp op) {
  return op.getNumDpsInputs() == 2 &&
         llvm::all_of(op.getDpsInputs(), [](Value input) {
           return getElementTypeOrSelf(input).isInteger(8);
         });
}

/// Sets the formats; false if anything else than numbers of fp8 is multiplied.
bool findFormats(Float8Product &product) {
  linalg::GenericOp op = product.product.op;
  BlockArgument lhs = op.getMatchingBlockArgument(product.product.lhs);
  BlockArgument rhs = op.getMatchingBlockArgument(product.product.rhs);
  std::optional<std::pair<Value, Value>> sides =
      getFactors(getAddedTerm(op.getBody()));
  if (!sides)
    return false;
  auto [left, right] = *sides;
  product.lhsFormat = getFloat8Format(left, lhs);
  if (!product.lhsFormat) {
    std::swap(left, right);
    product.lhsFormat = getFloat8Format(left, lhs);
  }
  product.rhsFormat = getFloat8Format(right, rhs);
  return product.lhsFormat && product.rhsFormat;
}

/// None, with the reason in `whyNot` if it is a product of codes of fp8.
std::optional<Float8Product> matchProduct(linalg::GenericOp op,
                                          StringRef &whyNot) {
  if (!hasBytes(op))
    return std::nullopt;
  std::optional<FloatProduct> matched = matchFloatProduct(op, whyNot);
  if (!matched)
    return std::nullopt;
  Float8Product product = {*matched, {}, {}};
  if (!findFormats(product))
    return std::nullopt;
  AffineMap lhsMap = op.getMatchingIndexingMap(matched->lhs);
  AffineMap outMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!matched->batchLoops.empty() ||
      !isMap(lhsMap, {matched->mLoop, matched->kLoop}) ||
      !isMap(outMap, {matched->mLoop, matched->nLoop})) {
    whyNot = "its left factor is no matrix that is read row by row";
    return std::nullopt;
  }
  return product;
}

//===----------------------------------------------------------------------===//
// The operation
//===----------------------------------------------------------------------===//

class Float8ProductFuser {
public:
  explicit Float8ProductFuser(const Float8Product &fused)
      : product(fused.product), fused(fused),
        chain(getFusable(product.op, whyNot)),
        b(getLast().getLoc(), getLast()) {}

  void fuse() {
    kernel::ProductOp op = emitOp();
    FusedBody body(op.getBody(), b.getLoc(), b.getF32Type());
    Value sum = body.getSum();
    Value init =
        body.emitElement(product.getInit(), b.getMultiDimIdentityMap(2));
    if (!matchPattern(init, m_AnyZeroFloat()))
      sum = arith::AddFOp::create(body.b, init, sum);
    kernel::YieldOp::create(body.b, body.emitChain(product.op, chain, sum));
    op.getExtrasMutable().assign(body.extras);
    op.setMapsAttr(b.getAffineMapArrayAttr(body.maps));
    replaceFused(product.op, chain, op.getResult());
  }

  /// Number of operations behind the product, and why there are no more.
  size_t getNumFused() const { return chain.size(); }
  StringRef getWhyNot() const { return whyNot; }

private:
  linalg::GenericOp getLast() const {
    return chain.empty() ? product.op : chain.back();
  }

  /// N x K.
  Value emitRhs() {
    Value rhs = product.rhs->get();
    if (product.isRhsTransposed())
      return rhs;
    SmallVector<int64_t> shape = {product.n, product.k};
    if (std::optional<ConstantBits> constant = readConstantBits(rhs)) {
      std::vector<int64_t> codes(constant->bits.size());
      for (int64_t k = 0; k < product.k; ++k)
        for (int64_t n = 0; n < product.n; ++n)
          codes[n * product.k + k] = constant->bits[k * product.n + n];
      auto type = RankedTensorType::get(shape, b.getI8Type());
      return arith::ConstantOp::create(b, makeIntegers(type, codes, "factor"));
    }
    Value empty = tensor::EmptyOp::create(b, shape, b.getI8Type());
    return linalg::TransposeOp::create(b, rhs, empty, ArrayRef<int64_t>{1, 0})
        ->getResult(0);
  }

  kernel::ProductOp emitOp() {
    SmallVector<OpFoldResult> sizes = {
        tensor::getMixedSize(b, b.getLoc(), product.lhs->get(), 0),
        b.getIndexAttr(product.n)};
    Value out = tensor::EmptyOp::create(
        b, sizes, getElementTypeOrSelf(getLast().getResult(0)));
    auto op = kernel::ProductOp::create(b, product.lhs->get(), emitRhs(), out);
    op.setLhsFormat(fused.lhsFormat);
    op.setRhsFormat(fused.rhsFormat);
    return op;
  }

  const FloatProduct &product;
  const Float8Product &fused;
  StringRef whyNot;
  SmallVector<linalg::GenericOp> chain;
  ImplicitLocOpBuilder b;
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-fuse-float8-products");
}

void fuseProduct(linalg::GenericOp op) {
  StringRef whyNot;
  Location loc = op.getLoc();
  std::optional<Float8Product> product = matchProduct(op, whyNot);
  if (product) {
    Float8ProductFuser fuser(*product);
    fuser.fuse();
    remark::passed(loc, getRemarkOptions("Fused"))
        << "a product of fp8 for wgmma, whose sums are those of parts of 128 "
           "terms, in another order than the operation's"
        << remark::metric("K", product->product.k)
        << remark::metric("N", product->product.n)
        << remark::metric("FusedOperations", fuser.getNumFused());
    whyNot = fuser.getWhyNot();
    if (!whyNot.empty())
      remark::missed(loc, getRemarkOptions("NotFused"))
          << "not more is computed from its sums: " << whyNot;
  } else if (!whyNot.empty()) {
    remark::missed(loc, getRemarkOptions("NotForWgmma"))
        << "no product of fp8 for tensor cores: " << whyNot;
  }
}

struct FuseFloat8ProductsPass
    : impl::FuseFloat8ProductsBase<FuseFloat8ProductsPass> {
  using FuseFloat8ProductsBase::FuseFloat8ProductsBase;

  void runOnOperation() override {
    FailureOr<bool> isUsed = usesTensorCores(getOperation(), tier);
    if (failed(isUsed))
      return signalPassFailure();
    if (!*isUsed || tier != "wgmma")
      return;
    for (linalg::GenericOp op : collectProducts(getOperation()))
      fuseProduct(op);
  }
};

} // namespace
} // namespace mlir::qfmt
