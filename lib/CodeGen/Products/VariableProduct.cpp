// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/VariableProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/CodeGen/Products/ProductBody.h"

namespace mlir::qfmt {

//===----------------------------------------------------------------------===//
// The body
//===----------------------------------------------------------------------===//

namespace {
struct Factors {
  OpOperand *lhs, *rhs;
  CodeReading lhsReading, rhsReading;
  unsigned bits, sumBits;
};
} // namespace

/// The argument of which `value` is an extension, plus constants.
static BlockArgument readCode(Value value, CodeReading &reading) {
  reading.offset = 0;
  int64_t offset = 0;
  while (true) {
    Operation *op = value.getDefiningOp();
    APInt constant;
    if (isa_and_nonnull<arith::ExtSIOp, arith::ExtUIOp>(op)) {
      auto argument = dyn_cast<BlockArgument>(op->getOperand(0));
      reading.isUnsigned = isa<arith::ExtUIOp>(op);
      reading.offset = int32_t(offset);
      return reading.offset == offset ? argument : BlockArgument();
    }
    if (isa_and_nonnull<arith::AddIOp>(op) &&
        matchPattern(op->getOperand(1), m_ConstantInt(&constant)))
      offset += constant.getSExtValue();
    else if (isa_and_nonnull<arith::SubIOp>(op) &&
             matchPattern(op->getOperand(1), m_ConstantInt(&constant)))
      offset -= constant.getSExtValue();
    else
      return {};
    value = op->getOperand(0);
  }
}

/// The greatest absolute value of a code and its offset.
static int64_t getBound(const CodeReading &reading, unsigned bits) {
  int64_t least = reading.isUnsigned ? 0 : -(int64_t(1) << (bits - 1));
  int64_t greatest = least + (int64_t(1) << bits) - 1;
  return std::max(std::abs(least + reading.offset),
                  std::abs(greatest + reading.offset));
}

static unsigned getBits(Value tensor) {
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  return type && type.getElementType().isInteger()
             ? type.getElementTypeBitWidth()
             : 0;
}

static std::optional<Factors> matchFactors(linalg::GenericOp op) {
  Block *body = op.getBody();
  BlockArgument out = body->getArgument(2);
  Value term = getAddedTerm(body);
  if (!term)
    return std::nullopt;
  if (auto extension = term.getDefiningOp<arith::ExtSIOp>())
    term = extension.getIn();
  std::optional<std::pair<Value, Value>> product = getFactors(term);
  if (!product)
    return std::nullopt;
  Factors factors;
  CodeReading readings[2];
  BlockArgument arguments[2] = {readCode(product->first, readings[0]),
                                readCode(product->second, readings[1])};
  if (!arguments[0] || !arguments[1] ||
      arguments[0].getArgNumber() + arguments[1].getArgNumber() != 1)
    return std::nullopt;
  unsigned left = arguments[0].getArgNumber() == 0 ? 0 : 1;
  factors.lhs = op.getDpsInputOperand(0);
  factors.rhs = op.getDpsInputOperand(1);
  factors.lhsReading = readings[left];
  factors.rhsReading = readings[1 - left];
  factors.bits = getBits(factors.lhs->get());
  factors.sumBits = out.getType().getIntOrFloatBitWidth();
  bool isKnown = getBits(factors.rhs->get()) == factors.bits &&
                 ((factors.bits == 8 && factors.sumBits == 32) ||
                  (factors.bits == 16 &&
                   (factors.sumBits == 32 || factors.sumBits == 64)));
  // A narrower product wraps around unless it fits.
  unsigned productBits = term.getType().getIntOrFloatBitWidth();
  int64_t bound = getBound(factors.lhsReading, factors.bits) *
                  getBound(factors.rhsReading, factors.bits);
  if (!isKnown || productBits < 32 || bound > INT32_MAX)
    return std::nullopt;
  return factors;
}

//===----------------------------------------------------------------------===//
// The loops
//===----------------------------------------------------------------------===//

/// Two variable factors and one reduction, of known sizes.
static bool isCandidate(linalg::GenericOp op) {
  return op.hasPureTensorSemantics() && op.getNumDpsInputs() == 2 &&
         op.getNumDpsInits() == 1 && op.getNumReductionLoops() == 1 &&
         op.getNumParallelLoops() >= 2 &&
         llvm::all_of(op.getDpsInputs(), [](Value input) {
           unsigned bits = getBits(input);
           return (bits == 8 || bits == 16) &&
                  !matchPattern(input, m_Constant());
         });
}

static bool hasKnownSizes(linalg::GenericOp op) {
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  return !ShapedType::isDynamicShape(sizes) && !llvm::is_contained(sizes, 0);
}

std::optional<BatchedProduct> matchBatchedProduct(linalg::GenericOp op,
                                                  StringRef &whyNot) {
  whyNot = {};
  if (!isCandidate(op) || !op.getMatchingIndexingMap(op.getDpsInitOperand(0))
                               .isProjectedPermutation())
    return std::nullopt;
  std::optional<Factors> factors = matchFactors(op);
  if (!factors) {
    whyNot = "its body is no product of two codes added to a sum, or sums and "
             "codes have sizes for which there is no instruction";
    return std::nullopt;
  }
  whyNot = "it is no product of row-major matrices of known sizes";
  if (!hasKnownSizes(op))
    return std::nullopt;
  AffineMap outMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  SmallVector<unsigned> out;
  for (unsigned i = 0; i < outMap.getNumResults(); ++i)
    out.push_back(outMap.getDimPosition(i));
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  // Either factor may have the rows.
  BatchedProduct product;
  product.op = op;
  product.bits = factors->bits;
  product.sumBits = factors->sumBits;
  product.k = reductions.front();
  product.n = out.pop_back_val();
  product.m = out.pop_back_val();
  product.batches = out;
  AffineMap first = op.getMatchingIndexingMap(factors->lhs);
  bool isSwapped = first.isFunctionOfDim(product.n);
  product.lhs = isSwapped ? factors->rhs : factors->lhs;
  product.rhs = isSwapped ? factors->lhs : factors->rhs;
  product.lhsReading = isSwapped ? factors->rhsReading : factors->lhsReading;
  product.rhsReading = isSwapped ? factors->lhsReading : factors->rhsReading;
  auto with = [&](unsigned a, unsigned b) {
    SmallVector<unsigned> loops(product.batches);
    loops.append({a, b});
    return loops;
  };
  AffineMap rhsMap = op.getMatchingIndexingMap(product.rhs);
  product.isRhsTransposed = isMap(rhsMap, with(product.n, product.k)) ||
                            isMap(rhsMap, {product.n, product.k});
  bool isPlain = isMap(rhsMap, with(product.k, product.n)) ||
                 isMap(rhsMap, {product.k, product.n});
  if (!isMap(op.getMatchingIndexingMap(product.lhs),
             with(product.m, product.k)) ||
      !(isPlain || product.isRhsTransposed))
    return std::nullopt;
  whyNot = {};
  return product;
}

std::optional<VariableProduct> matchVariableProduct(linalg::GenericOp op,
                                                    StringRef &whyNot) {
  whyNot = {};
  if (!isCandidate(op) || op.getNumLoops() != 3 || !hasKnownSizes(op) ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0))
           .isProjectedPermutation())
    return std::nullopt;
  std::optional<Factors> factors = matchFactors(op);
  if (!factors)
    return std::nullopt;
  AffineMap rhsMap = op.getMatchingIndexingMap(factors->rhs);
  // m, n, k
  if (!isMap(op.getMatchingIndexingMap(op.getDpsInitOperand(0)), {0, 1}) ||
      !isMap(op.getMatchingIndexingMap(factors->lhs), {0, 2}))
    return std::nullopt;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  VariableProduct product;
  product.op = op;
  product.lhs = factors->lhs;
  product.rhs = factors->rhs;
  product.lhsReading = factors->lhsReading;
  product.rhsReading = factors->rhsReading;
  product.bits = factors->bits;
  product.sumBits = factors->sumBits;
  product.m = product.batchRows = sizes[0];
  product.n = sizes[1];
  product.k = sizes[2];
  if (rhsMap.getNumResults() == 3) {
    int64_t batches =
        cast<RankedTensorType>(product.rhs->get().getType()).getDimSize(0);
    if (batches == 0 || product.m % batches != 0)
      return std::nullopt;
    product.batchRows = product.m / batches;
    AffineExpr batch =
        getAffineDimExpr(0, op.getContext()).floorDiv(product.batchRows);
    if (rhsMap.getResult(0) != simplifyAffineExpr(batch, op.getNumLoops(), 0))
      return std::nullopt;
    rhsMap = rhsMap.dropResult(0);
  }
  product.isRhsTransposed = isMap(rhsMap, {1, 2});
  if (!product.isRhsTransposed && !isMap(rhsMap, {2, 1}))
    return std::nullopt;
  return product;
}

} // namespace mlir::qfmt
