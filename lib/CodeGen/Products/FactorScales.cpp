//===- FactorScales.cpp - Integer sums of products with scales ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents level: products of f32 matrices that linalg.generic
// decodes from codes and scales, one of them of constants.
// Output: the same level; sums of integers, and sums of these with scales.
//
// The pass description has what is rewritten, and the bound of what it changes.
// It does not choose how codes lie in memory, and leaves alone products with a
// factor that is not decoded from integers, such as plain f32.
//
//===----------------------------------------------------------------------===//

#include "BlockedWeights.h"
#include "IntegerSums.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/RegionUtils.h"
#include "qfmt/CodeGen/Products/Passes.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_FACTORSCALES
#include "qfmt/CodeGen/Products/Passes.h.inc"

namespace {

remark::RemarkOpts getRemarkOptions(StringRef name) {
  return remark::RemarkOpts::name(name).category("qfmt-factor-scales");
}

/// Fails with the reason in `whyNot`.
LogicalResult factorScales(const ScaledProduct &product, StringRef &whyNot) {
  std::optional<std::vector<double>> codeValues =
      tabulateCodes(product.activations);
  std::optional<ByteGrid> codeGrid;
  if (codeValues)
    codeGrid = getByteGrid(*codeValues);
  auto codes = cast<ShapedType>(product.activations.codes->get().getType());
  if (!codeGrid || !codes.getElementType().isInteger()) {
    whyNot = "its first factor's codes are no integers of 8 bits";
    return failure();
  }
  std::optional<ConstantFactor> weights = readConstantFactor(
      product.weights, product.sumDim, product.n, product.k, whyNot);
  if (!weights)
    return failure();
  if (!isInRange(product, *weights)) {
    whyNot = "sums of its integers may overflow";
    return failure();
  }
  Operation *op = product.op;
  op->replaceAllUsesWith(
      ValueRange{emitIntegerSums(product, *weights, *codeGrid)});
  op->erase();
  return success();
}

/// Constants that several arith.constant operations hold, such as codes of
/// which every function reads other bits: packed for each of them they would be
/// stored several times. What several operations read of one arith.constant
/// does not count: such products mostly decode it alike, and are packed alike.
llvm::DenseSet<Attribute> findSharedConstants(Operation *root) {
  llvm::DenseSet<Attribute> seen, shared;
  root->walk([&](arith::ConstantOp constant) {
    auto elements = dyn_cast<ElementsAttr>(constant.getValue());
    if (elements && !elements.isSplat() && !seen.insert(elements).second)
      shared.insert(elements);
  });
  return shared;
}

/// True if `value` is computed from one of `constants`, by anything that is not
/// in `visited` yet.
bool isComputedFrom(Value value, const llvm::DenseSet<Attribute> &constants,
                    llvm::DenseSet<Value> &visited) {
  if (!visited.insert(value).second)
    return false;
  Attribute constant;
  if (matchPattern(value, m_Constant(&constant)))
    return constants.contains(constant);
  Operation *op = value.getDefiningOp();
  return op && llvm::any_of(op->getOperands(), [&](Value operand) {
           return isComputedFrom(operand, constants, visited);
         });
}

/// Rewrites `op` if it is a scaled product. Its constant factor has no data of
/// `shared`.
void factorScales(linalg::LinalgOp op,
                  const llvm::DenseSet<Attribute> &shared) {
  StringRef whyNot;
  Location loc = op->getLoc();
  std::optional<ScaledProduct> product = matchScaledProduct(op, whyNot);
  llvm::DenseSet<Value> visited;
  if (product &&
      isComputedFrom(product->weights.codes->get(), shared, visited)) {
    product.reset();
    whyNot = "its constant factor's codes are those of other products, too";
  }
  if (product && succeeded(factorScales(*product, whyNot)))
    remark::passed(loc, getRemarkOptions("Factored"))
        << "sums of integers" << remark::metric("BlockSize", product->blockSize)
        << remark::metric("Blocks", product->blocks);
  else if (!whyNot.empty())
    remark::missed(loc, getRemarkOptions("NotFactored"))
        << "a product of decoded factors in f32: " << whyNot;
}

struct FactorScalesPass : impl::FactorScalesBase<FactorScalesPass> {
  void runOnOperation() override {
    llvm::DenseSet<Attribute> shared = findSharedConstants(getOperation());
    SmallVector<linalg::LinalgOp> products;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.getNumReductionLoops() != 0)
        products.push_back(op);
    });
    for (linalg::LinalgOp op : products)
      factorScales(op, shared);
    // What decoded them: constants, large ones among it.
    IRRewriter rewriter(&getContext());
    (void)runRegionDCE(rewriter, getOperation()->getRegions());
  }
};

} // namespace
} // namespace mlir::qfmt
