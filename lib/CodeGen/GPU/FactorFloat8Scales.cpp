//===- FactorFloat8Scales.cpp - Scales out of sums of fp8 products --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level; products of f32 matrices that linalg.generic
//         decodes from codes of fp8 and scales.
// Output: the same level; sums of products of the codes' numbers, and these
//         times the scales.
//
// Runs before element-wise operations are fused, which would leave no codes
// between an activation's quantization and its decoding. The pass description
// has the bound of what it changes.
//
//===----------------------------------------------------------------------===//

#include "TensorCoreTier.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/CodeGen/Products/Float8Codes.h"
#include "qfmt/CodeGen/Products/MovedScales.h"
#include "qfmt/CodeGen/Products/ScaledProduct.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_FACTORFLOAT8SCALES
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

using utils::IteratorType;

//===----------------------------------------------------------------------===//
// What is rewritten
//===----------------------------------------------------------------------===//

bool isOfFloat8(const ScaledFactor &factor) {
  linalg::GenericOp decode = factor.decode;
  return bool(getFloat8Format(factor.integer,
                              decode.getMatchingBlockArgument(factor.codes)));
}

bool hasBlocks(const ScaledFactor &factor) {
  return llvm::any_of(
      factor.loops, [](ArrayRef<unsigned> loops) { return loops.size() != 1; });
}

/// True if a scale is not the same for all terms of a sum.
bool changesWithTerms(const ScaledFactor &factor, unsigned sumDim) {
  return llvm::any_of(factor.scales, [&](Value scale) {
    return factor.dependsOn(scale, factor.loops[sumDim].back());
  });
}

/// None, with the reason in `whyNot` if it is a product of codes of fp8.
std::optional<ScaledProduct> matchProduct(linalg::LinalgOp op,
                                          StringRef &whyNot) {
  std::optional<ScaledProduct> product = matchScaledProduct(op, whyNot);
  whyNot = {};
  if (!product || !isOfFloat8(product->activations) ||
      !isOfFloat8(product->weights))
    return std::nullopt;
  if (hasBlocks(product->activations) || hasBlocks(product->weights) ||
      changesWithTerms(product->weights, product->sumDim)) {
    whyNot = "its scales are not those of whole rows and columns";
    return std::nullopt;
  }
  return product;
}

//===----------------------------------------------------------------------===//
// What it becomes
//===----------------------------------------------------------------------===//

class Emitter {
public:
  explicit Emitter(const ScaledProduct &product)
      : product(product), b(linalg::LinalgOp(product.op).getLoc(), product.op) {
    AffineExpr m = b.getAffineDimExpr(0), n = b.getAffineDimExpr(1);
    // Columns before rows, as qfmt-factor-scales has them.
    SmallVector<AffineExpr> columns = {n, n};
    for (Value scale : product.weights.scales)
      scales.add(product.weights, scale, columns, 2);
    for (Value scale : product.activations.scales)
      scales.add(product.activations, scale, {m, m}, 2);
  }

  void rewrite() {
    linalg::LinalgOp op = product.op;
    Value result = emitScaled(emitSums());
    op->replaceAllUsesWith(ValueRange{result});
    op->erase();
  }

private:
  Value getInit() { return linalg::LinalgOp(product.op).getDpsInits()[0]; }

  Value emitEmpty() {
    return tensor::EmptyOp::create(
        b, tensor::getMixedSizes(b, b.getLoc(), getInit()), b.getF32Type());
  }

  static Value emitNumber(OpBuilder &nested, const ScaledFactor &factor,
                          Value code) {
    linalg::GenericOp decode = factor.decode;
    IRMapping mapping;
    mapping.map(decode.getMatchingBlockArgument(factor.codes), code);
    return cloneComputation(nested, factor.integer, mapping);
  }

  Value emitSums() {
    AffineExpr m = b.getAffineDimExpr(0), n = b.getAffineDimExpr(1),
               k = b.getAffineDimExpr(2);
    auto getMap = [&](AffineExpr first, AffineExpr second) {
      return AffineMap::get(3, 0, {first, second}, b.getContext());
    };
    AffineMap rhsMap = product.sumDim == 1 ? getMap(n, k) : getMap(k, n);
    Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
    Value start = linalg::FillOp::create(b, zero, emitEmpty()).getResult(0);
    return linalg::GenericOp::create(
               b, start.getType(),
               ValueRange{product.activations.codes->get(),
                          product.weights.codes->get()},
               start, ArrayRef{getMap(m, k), rhsMap, getMap(m, n)},
               ArrayRef{IteratorType::parallel, IteratorType::parallel,
                        IteratorType::reduction},
               [&](OpBuilder &nested, Location loc, ValueRange args) {
                 Value left = emitNumber(nested, product.activations, args[0]);
                 Value right = emitNumber(nested, product.weights, args[1]);
                 Value term = arith::MulFOp::create(nested, loc, left, right);
                 Value sum = arith::AddFOp::create(nested, loc, args[2], term);
                 linalg::YieldOp::create(nested, loc, sum);
               })
        .getResult(0);
  }

  bool hasInit() {
    auto fill = getInit().getDefiningOp<linalg::FillOp>();
    return !fill || !matchPattern(fill.value(), m_AnyZeroFloat());
  }

  Value emitScaled(Value sums) {
    AffineMap identity = b.getMultiDimIdentityMap(2);
    SmallVector<Value> inputs = {sums};
    SmallVector<AffineMap> maps = {identity};
    llvm::append_range(inputs, scales.getOperands());
    llvm::append_range(maps, scales.getMaps());
    size_t numScaled = inputs.size();
    if (hasInit()) {
      inputs.push_back(getInit());
      maps.push_back(identity);
    }
    maps.push_back(identity);
    return linalg::GenericOp::create(
               b, sums.getType(), inputs, emitEmpty(), maps,
               SmallVector<IteratorType>(2, IteratorType::parallel),
               [&](OpBuilder &nested, Location loc, ValueRange args) {
                 Value sum = scales.emit(nested, loc, args[0],
                                         args.slice(1, numScaled - 1));
                 if (inputs.size() != numScaled)
                   sum =
                       arith::AddFOp::create(nested, loc, args[numScaled], sum);
                 linalg::YieldOp::create(nested, loc, sum);
               })
        .getResult(0);
  }

  const ScaledProduct &product;
  ImplicitLocOpBuilder b;
  MovedScales scales;
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-factor-float8-scales");
}

struct FactorFloat8ScalesPass
    : impl::FactorFloat8ScalesBase<FactorFloat8ScalesPass> {
  using FactorFloat8ScalesBase::FactorFloat8ScalesBase;

  void runOnOperation() override {
    FailureOr<bool> isUsed = usesTensorCores(getOperation(), tier);
    if (failed(isUsed))
      return signalPassFailure();
    std::optional<GpuTarget> target = GpuTarget::get(getOperation());
    if (!*isUsed || !target->hasWgmma())
      return;
    SmallVector<linalg::LinalgOp> products;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.getNumReductionLoops() != 0)
        products.push_back(op);
    });
    for (linalg::LinalgOp op : products)
      factorScales(op);
  }

  void factorScales(linalg::LinalgOp op) {
    StringRef whyNot;
    Location loc = op->getLoc();
    std::optional<ScaledProduct> product = matchProduct(op, whyNot);
    if (product && tier != "wgmma")
      whyNot = "tier=wgmma has to ask for it, since sums then have another "
               "order and, on devices, fewer bits";
    if (!whyNot.empty())
      remark::missed(loc, getRemarkOptions("NotForWgmma"))
          << "no product of fp8 for tensor cores: " << whyNot;
    else if (product)
      Emitter(*product).rewrite();
  }
};

} // namespace
} // namespace mlir::qfmt
