// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WeightsOfFewBits.h"
#include "FewBitCodes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/CodeGen/Products/FloatProduct.h"
#include "qfmt/CodeGen/Products/GroupedProduct.h"
#include "qfmt/CodeGen/Products/IntegerProduct.h"
#include "qfmt/CodeGen/Products/ProductBody.h"
#include "qfmt/CodeGen/Products/ScaledFactor.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

namespace {

/// Products of bytes without scales and with more rows profit more from shared
/// memory than from codes of few bits.
constexpr int64_t kMaxRowsWithoutScales = 64;

//===----------------------------------------------------------------------===//
// Bytes in groups
//===----------------------------------------------------------------------===//

/// The factors of `term`, the converted sum of a group being the first one;
/// false if it is anything else.
bool collectScales(Value term, BlockArgument sum,
                   SmallVectorImpl<BlockArgument> &scales) {
  if (auto product = term.getDefiningOp<arith::MulFOp>()) {
    auto scale = dyn_cast<BlockArgument>(product.getRhs());
    if (!scale || !collectScales(product.getLhs(), sum, scales))
      return false;
    scales.push_back(scale);
    return true;
  }
  auto number = term.getDefiningOp<arith::SIToFPOp>();
  return number && number.getIn() == sum && term.getType().isF32();
}

/// What `op` adds to its result for each group; null if it does anything else.
Value getGroupTerm(linalg::GenericOp op) {
  Block *body = op.getBody();
  BlockArgument out = body->getArguments().back();
  auto sum =
      body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!sum || !out.hasOneUse())
    return {};
  if (sum.getLhs() == out)
    return sum.getRhs();
  return sum.getRhs() == out ? sum.getLhs() : Value();
}

std::optional<std::vector<double>> readConstantFloats(Value value) {
  ElementsAttr constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return std::nullopt;
  return readFloats(constant);
}

/// Reads the scales of the groups; false if they are others than there are
/// operands for.
bool readGroupScales(const GroupedProduct &product, WeightsOfFewBits &weights) {
  linalg::GenericOp op = product.op;
  OpOperand *sums = nullptr;
  for (OpOperand *input : op.getDpsInputOperands())
    if (input->get() == linalg::GenericOp(product.sums).getResult(0))
      sums = input;
  SmallVector<BlockArgument> scales;
  Value term = getGroupTerm(op);
  if (!term || !sums ||
      !collectScales(term, op.getMatchingBlockArgument(sums), scales))
    return false;
  for (BlockArgument scale : scales) {
    OpOperand &operand = op->getOpOperand(scale.getArgNumber());
    AffineMap map = op.getMatchingIndexingMap(&operand);
    std::optional<std::vector<double>> numbers;
    if (isMap(map, {2, 1}) && weights.groupScales.empty())
      numbers = readConstantFloats(operand.get());
    if (numbers)
      weights.groupScales = std::move(*numbers);
    else if (isMap(map, {0, 2}) && !weights.rowScales)
      weights.rowScales = operand.get();
    else
      return false;
  }
  if (weights.hasScales())
    return true;
  weights.convertsSums = weights.groups == 1;
  return weights.convertsSums;
}

std::optional<WeightsOfFewBits> matchGroups(linalg::GenericOp op,
                                            StringRef &whyNot) {
  std::optional<GroupedProduct> product = matchGroupedProduct(op);
  if (!product)
    return std::nullopt;
  WeightsOfFewBits weights;
  weights.product = op;
  weights.lhs = product->lhs;
  weights.n = product->n;
  weights.groups = product->groups;
  weights.groupTerms = product->groupSize;
  if (!readGroupScales(*product, weights)) {
    whyNot = "its groups have other scales than constants of groups and "
             "columns, and those of rows and groups";
    return std::nullopt;
  }
  ElementsAttr constant;
  std::optional<std::vector<uint8_t>> codes;
  if (matchPattern(product->rhs->get(), m_Constant(&constant)))
    codes = readCodes(constant);
  if (!codes) {
    whyNot = "its right factor is no constant";
    return std::nullopt;
  }
  weights.integers.assign(codes->begin(), codes->end());
  return weights;
}

//===----------------------------------------------------------------------===//
// Bytes without scales
//===----------------------------------------------------------------------===//

/// The reason why not in `whyNot` is left to qfmt-fuse-products.
std::optional<WeightsOfFewBits> matchBytes(linalg::GenericOp op) {
  StringRef whyNot;
  std::optional<IntegerProduct> product = matchIntegerProduct(op, whyNot);
  ElementsAttr constant;
  if (!product || !product->isRowMajor() ||
      (!ShapedType::isDynamic(product->m) &&
       product->m > kMaxRowsWithoutScales) ||
      !matchPattern(product->rhs->get(), m_Constant(&constant)))
    return std::nullopt;
  std::optional<CodeReading> reading = getCodeReading(product->lhsValues);
  std::optional<std::vector<uint8_t>> codes = readCodes(constant);
  if (!reading || reading->isUnsigned || !codes)
    return std::nullopt;
  WeightsOfFewBits weights;
  weights.product = op;
  weights.lhs = product->lhs->get();
  weights.n = product->n;
  weights.groups = 1;
  weights.groupTerms = product->k;
  for (int64_t n = 0; n < product->n; ++n) {
    int64_t sum = 0;
    for (int64_t k = 0; k < product->k; ++k) {
      int64_t place =
          product->isRhsTransposed ? n * product->k + k : k * product->n + n;
      int32_t value = product->rhsValues[(*codes)[place]];
      if (value != int8_t(value))
        return std::nullopt;
      weights.integers.push_back(int8_t(value));
      sum += value;
    }
    if (reading->offset != 0)
      weights.columnAddends.push_back(
          int32_t(uint32_t(reading->offset) * uint32_t(sum)));
  }
  if (FewBitEncoding::choose(weights.integers).bits > 4)
    return std::nullopt;
  return weights;
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

/// True if a product multiplies its elements of f16 or bf16 as they are.
bool hasPlainFloats(const FloatProduct &product) {
  linalg::GenericOp op = product.op;
  Type type = getElementTypeOrSelf(product.lhs->get());
  std::optional<std::pair<Value, Value>> factors =
      getFactors(getAddedTerm(op.getBody()));
  if (!factors || !(type.isF16() || type.isBF16()))
    return false;
  auto isLhs = [&](Value value) {
    auto extension = value.getDefiningOp<arith::ExtFOp>();
    return extension &&
           extension.getIn() == op.getMatchingBlockArgument(product.lhs);
  };
  Value rhs = op.getMatchingBlockArgument(product.rhs);
  auto [first, second] = *factors;
  return (isLhs(first) && second == rhs) || (isLhs(second) && first == rhs);
}

std::optional<WeightsOfFewBits> matchFloats(linalg::GenericOp op,
                                            StringRef &whyNot) {
  std::optional<FloatProduct> product = matchFloatProduct(op, whyNot);
  if (!product)
    return std::nullopt;
  AffineMap lhsMap = op.getMatchingIndexingMap(product->lhs);
  AffineMap outMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!product->batchLoops.empty() ||
      !isMap(lhsMap, {product->mLoop, product->kLoop}) ||
      !isMap(outMap, {product->mLoop, product->nLoop}) ||
      !hasPlainFloats(*product)) {
    whyNot = "it is no product of a matrix of f16 or bf16";
    return std::nullopt;
  }
  std::optional<ScaledFactor> factor =
      matchScaledFactor(product->rhs->get(), whyNot);
  if (!factor) {
    if (whyNot.empty())
      whyNot = "its right factor is not decoded from codes";
    return std::nullopt;
  }
  unsigned sumDim = product->isRhsTransposed() ? 1 : 0;
  std::optional<ConstantFactor> constant =
      readConstantFactor(*factor, sumDim, product->n, product->k, whyNot);
  if (!constant)
    return std::nullopt;
  WeightsOfFewBits weights;
  weights.product = op;
  weights.lhs = product->lhs->get();
  weights.n = product->n;
  bool hasGroups = !constant->blockScales.empty();
  int64_t width = int64_t(constant->integers.size()) / product->n;
  weights.groups = hasGroups ? factor->getNumBlocks(sumDim) : 1;
  weights.groupTerms = width / weights.groups;
  weights.integers = std::move(constant->integers);
  weights.groupScales.assign(constant->blockScales.begin(),
                             constant->blockScales.end());
  if (llvm::any_of(constant->rowScales, [](float scale) { return scale != 1; }))
    weights.columnScales.assign(constant->rowScales.begin(),
                                constant->rowScales.end());
  return weights;
}

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

/// What is left of a product with a constant of equal elements, which is folded
/// into the body: columns along which no input moves.
bool isSumOfRows(linalg::GenericOp op) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  unsigned columns = op.getNumParallelLoops();
  return op.getNumDpsInputs() == 1 && op.getNumReductionLoops() == 1 &&
         columns > 1 && maps.back().isFunctionOfDim(columns - 1) &&
         !maps.front().isFunctionOfDim(columns - 1);
}

} // namespace

std::optional<WeightsOfFewBits> matchWeightsOfFewBits(linalg::GenericOp op,
                                                      StringRef &whyNot) {
  if (std::optional<WeightsOfFewBits> weights = matchGroups(op, whyNot))
    return weights;
  if (!whyNot.empty())
    return std::nullopt;
  if (std::optional<WeightsOfFewBits> weights = matchBytes(op))
    return weights;
  if (isSumOfRows(op)) {
    whyNot = "all weights are one number, so that it is the sum of a row, for "
             "each column";
    return std::nullopt;
  }
  return matchFloats(op, whyNot);
}

} // namespace mlir::qfmt
