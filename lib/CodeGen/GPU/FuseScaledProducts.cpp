//===- FuseScaledProducts.cpp - Products with weights of few bits ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; products with constants of few bits as
//         linalg.generic on tensors: bytes in groups, as qfmt-factor-scales
//         makes them, bytes, or f16 and bf16.
// Output: qfmt_gpu.scaled_product on tensors; everything else as it was.
//
//===----------------------------------------------------------------------===//

#include "FewBitFragments.h"
#include "FusedBody.h"
#include "TensorCoreTier.h"
#include "WeightsOfFewBits.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_FUSESCALEDPRODUCTS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// Sums of bytes whose codes lie in the highest bits stay in 32 bits.
constexpr int64_t kMaxTerms = 65536;

//===----------------------------------------------------------------------===//
// The operation
//===----------------------------------------------------------------------===//

class ScaledProductFuser {
public:
  explicit ScaledProductFuser(WeightsOfFewBits &weights)
      : weights(weights), encoding(FewBitEncoding::choose(weights.integers)),
        chain(getFusable(weights.product, whyNot)),
        b(getLast().getLoc(), getLast()) {
    groupTerms = llvm::alignTo(weights.groupTerms, kChunkTerms);
  }

  /// Empty, or why there is no kernel.
  StringRef getReason() {
    Type type = getElementTypeOrSelf(weights.lhs);
    if (weights.groups * groupTerms > kMaxTerms)
      return "it has more than 65536 terms";
    if (!FewBitFragments::isLegal(encoding.bits, type))
      return "bf16 has fewer bits than its codes";
    return {};
  }

  void fuse() {
    kernel::ScaledProductOp op = emitOp();
    bool isFloat = op.hasFloats() || op.hasScales();
    FusedBody body(op.getBody(), b.getLoc(),
                   isFloat ? Type(b.getF32Type()) : b.getI32Type());
    // Constants of columns become operands.
    b.setInsertionPoint(op);
    Value sum = emitSum(body, isFloat);
    kernel::YieldOp::create(body.b,
                            body.emitChain(weights.product, chain, sum));
    op.getExtrasMutable().assign(body.extras);
    op.setMapsAttr(b.getAffineMapArrayAttr(body.maps));
    replaceFused(weights.product, chain, op.getResult());
  }

  int64_t getBits() const { return encoding.bits; }
  size_t getNumFused() const { return chain.size(); }
  StringRef getWhyNot() const { return whyNot; }

private:
  linalg::GenericOp getLast() const {
    return chain.empty() ? weights.product : chain.back();
  }

  RankedTensorType getType(ArrayRef<int64_t> shape, Type element) {
    return RankedTensorType::get(shape, element);
  }

  /// Fills up the last dimension with zeros.
  Value emitPadded(Value tensor, int64_t size) {
    auto type = cast<RankedTensorType>(tensor.getType());
    int64_t missing = size - type.getShape().back();
    if (missing == 0)
      return tensor;
    SmallVector<int64_t> shape(type.getShape());
    shape.back() = size;
    SmallVector<OpFoldResult> low(type.getRank(), b.getIndexAttr(0)), high(low);
    high.back() = b.getIndexAttr(missing);
    Type element = type.getElementType();
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
    return tensor::PadOp::create(b, getType(shape, element), tensor, low, high,
                                 zero);
  }

  /// M x groups x terms.
  Value emitLhs() {
    Value lhs = weights.lhs;
    auto type = cast<RankedTensorType>(lhs.getType());
    if (type.getRank() == 2) {
      int64_t terms = weights.groups == 1 ? groupTerms
                                          : weights.groups * weights.groupTerms;
      lhs = emitPadded(lhs, terms);
      SmallVector<OpFoldResult> sizes = {
          tensor::getMixedSize(b, b.getLoc(), lhs, 0),
          b.getIndexAttr(weights.groups),
          b.getIndexAttr(terms / weights.groups)};
      lhs = tensor::ExpandShapeOp::create(
          b,
          getType({type.getDimSize(0), weights.groups, terms / weights.groups},
                  type.getElementType()),
          lhs, ArrayRef<ReassociationIndices>{{0}, {1, 2}}, sizes);
    }
    return emitPadded(lhs, groupTerms);
  }

  Value emitCodes(const FewBitLayout &layout) {
    int64_t terms = weights.groups * groupTerms;
    // With floats the codes are unsigned.
    uint32_t flipped =
        layout.hasFloats && !encoding.isTable() ? 1u << (encoding.bits - 1) : 0;
    std::vector<uint8_t> codes(weights.n * terms);
    for (int64_t row = 0; row < weights.n * weights.groups; ++row)
      for (int64_t k = 0; k < weights.groupTerms; ++k)
        codes[row * groupTerms + k] = uint8_t(
            encoding.encode(weights.integers[row * weights.groupTerms + k]) ^
            flipped);
    std::vector<uint32_t> words = packCodes(layout, weights.n, codes);
    SmallVector<int64_t> elements;
    for (uint32_t word : words)
      elements.push_back(int32_t(word));
    auto type = getType({int64_t(llvm::divideCeil(weights.n, kStripColumns)),
                         layout.getNumTiles(), kWarpLanes, kLaneWords},
                        b.getI32Type());
    return arith::ConstantOp::create(b, makeIntegers(type, elements, "codes"));
  }

  Value emitGroupScales() {
    if (weights.groupScales.empty())
      return {};
    int64_t strips = llvm::divideCeil(weights.n, kStripColumns);
    std::vector<double> scales(strips * weights.groups * kStripColumns, 0.0);
    for (int64_t g = 0; g < weights.groups; ++g)
      for (int64_t n = 0; n < weights.n; ++n)
        scales[(n / kStripColumns * weights.groups + g) * kStripColumns +
               n % kStripColumns] = weights.groupScales[g * weights.n + n];
    auto type =
        getType({strips, weights.groups, kStripColumns}, b.getF32Type());
    return arith::ConstantOp::create(b, makeFloats(type, scales, "scales"));
  }

  kernel::ScaledProductOp emitOp() {
    FewBitLayout layout{encoding.bits, encoding.isTable(),
                        isa<FloatType>(getElementTypeOrSelf(weights.lhs)),
                        weights.groups, groupTerms};
    SmallVector<OpFoldResult> sizes = {
        tensor::getMixedSize(b, b.getLoc(), weights.lhs, 0),
        b.getIndexAttr(weights.n)};
    Value out = tensor::EmptyOp::create(
        b, sizes, getElementTypeOrSelf(getLast().getResult(0)));
    Value lhs = emitLhs(), codes = emitCodes(layout);
    return kernel::ScaledProductOp::create(
        b, out.getType(), lhs, codes, emitGroupScales(), weights.rowScales,
        ValueRange(), out, b.getI64IntegerAttr(encoding.bits),
        encoding.isTable() ? b.getDenseF32ArrayAttr(encoding.table)
                           : DenseF32ArrayAttr(),
        b.getArrayAttr({}));
  }

  /// What the product has for an element, from its sum.
  Value emitSum(FusedBody &body, bool isFloat) {
    Value sum = body.getSum();
    if (weights.convertsSums) {
      sum = arith::SIToFPOp::create(body.b, b.getF32Type(), sum);
      isFloat = true;
    }
    AffineMap column = AffineMap::get(2, 0, b.getAffineDimExpr(1));
    if (!weights.columnScales.empty()) {
      Value scales = arith::ConstantOp::create(
          b, makeFloats(getType({weights.n}, b.getF32Type()),
                        weights.columnScales, "column_scales"));
      sum =
          arith::MulFOp::create(body.b, sum, body.emitElement(scales, column));
    }
    if (!weights.columnAddends.empty()) {
      Value addends = arith::ConstantOp::create(
          b, makeIntegers(getType({weights.n}, b.getI32Type()),
                          weights.columnAddends, "columns"));
      sum =
          arith::AddIOp::create(body.b, sum, body.emitElement(addends, column));
    }
    Value init =
        body.emitElement(weights.getInit(), b.getMultiDimIdentityMap(2));
    if (matchPattern(init, m_Zero()) || matchPattern(init, m_AnyZeroFloat()))
      return sum;
    return isFloat ? arith::AddFOp::create(body.b, sum, init).getResult()
                   : arith::AddIOp::create(body.b, sum, init).getResult();
  }

  WeightsOfFewBits &weights;
  FewBitEncoding encoding;
  int64_t groupTerms;
  StringRef whyNot;
  SmallVector<linalg::GenericOp> chain;
  ImplicitLocOpBuilder b;
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-fuse-scaled-products");
}

void fuseProduct(linalg::GenericOp op) {
  StringRef whyNot;
  Location loc = op.getLoc();
  std::optional<WeightsOfFewBits> weights = matchWeightsOfFewBits(op, whyNot);
  if (weights) {
    ScaledProductFuser fuser(*weights);
    whyNot = fuser.getReason();
    if (whyNot.empty()) {
      fuser.fuse();
      remark::passed(loc, getRemarkOptions("Fused"))
          << "a product with weights of few bits"
          << remark::metric("Bits", fuser.getBits())
          << remark::metric("Groups", weights->groups)
          << remark::metric("FusedOperations", fuser.getNumFused());
      whyNot = fuser.getWhyNot();
      if (!whyNot.empty())
        remark::missed(loc, getRemarkOptions("NotFused"))
            << "not more is computed from its sums: " << whyNot;
      return;
    }
  }
  if (!whyNot.empty())
    remark::missed(loc, getRemarkOptions("NotForTensorCores"))
        << "no product with weights of few bits: " << whyNot;
}

struct FuseScaledProductsPass
    : impl::FuseScaledProductsBase<FuseScaledProductsPass> {
  using FuseScaledProductsBase::FuseScaledProductsBase;

  void runOnOperation() override {
    FailureOr<bool> isUsed = usesTensorCores(getOperation(), tier);
    if (failed(isUsed))
      return signalPassFailure();
    if (!*isUsed)
      return;
    for (linalg::GenericOp op : collectProducts(getOperation()))
      fuseProduct(op);
  }
};

} // namespace
} // namespace mlir::qfmt
