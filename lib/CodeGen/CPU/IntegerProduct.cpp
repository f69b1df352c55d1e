// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "IntegerProduct.h"
#include "BodyEvaluation.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

std::optional<CodeReading> getCodeReading(const CodeValues &values) {
  auto adds = [&](bool isUnsigned) {
    for (unsigned code = 0; code < 256; ++code)
      if (uint32_t(values[code]) - uint32_t(values[0]) !=
          uint32_t(isUnsigned ? int32_t(code) : int32_t(int8_t(code))))
        return false;
    return true;
  };
  if (adds(/*isUnsigned=*/false))
    return CodeReading{false, values[0]};
  if (adds(/*isUnsigned=*/true))
    return CodeReading{true, values[0]};
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// The body
//===----------------------------------------------------------------------===//

static std::optional<CodeValues> tabulate(Value value, BlockArgument argument) {
  CodeValues values;
  for (unsigned code = 0; code < 256; ++code) {
    Attribute attr = IntegerAttr::get(argument.getType(),
                                      APInt(8, code, /*isSigned=*/false));
    auto result = dyn_cast_or_null<IntegerAttr>(
        evaluateBody(value, [&](BlockArgument read) {
          return read == argument ? attr : Attribute();
        }));
    if (!result || !result.getType().isInteger(32))
      return std::nullopt;
    values[code] = int32_t(result.getValue().getSExtValue());
  }
  return values;
}

/// The two factors of the only product that is added to the output.
static std::optional<std::pair<Value, Value>> getFactors(linalg::GenericOp op) {
  Block *body = op.getBody();
  BlockArgument out = body->getArgument(2);
  if (!out.getType().isInteger(32) || !out.hasOneUse())
    return std::nullopt;
  auto add =
      body->getTerminator()->getOperand(0).getDefiningOp<arith::AddIOp>();
  if (!add || (add.getLhs() != out && add.getRhs() != out))
    return std::nullopt;
  Value term = add.getLhs() == out ? add.getRhs() : add.getLhs();
  auto product = term.getDefiningOp<arith::MulIOp>();
  if (!product)
    return std::nullopt;
  return std::pair(product.getLhs(), product.getRhs());
}

//===----------------------------------------------------------------------===//
// The loops
//===----------------------------------------------------------------------===//

static bool isMap(AffineMap map, ArrayRef<unsigned> loops) {
  if (map.getNumResults() != loops.size())
    return false;
  return llvm::all_of(llvm::zip_equal(map.getResults(), loops), [](auto pair) {
    auto dim = dyn_cast<AffineDimExpr>(std::get<0>(pair));
    return dim && dim.getPosition() == std::get<1>(pair);
  });
}

/// True if elements for k, k + 1, ... lie one after the other.
static bool isContiguous(AffineMap map, unsigned k) {
  ArrayRef<AffineExpr> results = map.getResults();
  AffineExpr rest = results.back() - getAffineDimExpr(k, map.getContext());
  rest = simplifyAffineExpr(rest, map.getNumDims(), 0);
  return !rest.isFunctionOfDim(k) &&
         llvm::none_of(results.drop_back(), [&](AffineExpr result) {
           return result.isFunctionOfDim(k);
         });
}

/// True if elements for n, n + 1, ... lie one after the other, and that is all
/// that columns do.
static bool isByColumn(AffineMap map, unsigned n) {
  ArrayRef<AffineExpr> results = map.getResults();
  return results.back() == getAffineDimExpr(n, map.getContext()) &&
         llvm::none_of(results.drop_back(), [&](AffineExpr result) {
           return result.isFunctionOfDim(n);
         });
}

bool IntegerProduct::isRowMajor() const {
  return !hasRuns() && isMap(getLhsMap(), {mLoop, reductions.front()});
}

/// Sets the loops of `product`; false if they are not those of a product.
static bool findLoops(IntegerProduct &product) {
  linalg::GenericOp op = product.op;
  SmallVector<unsigned> parallel, reductions;
  op.getParallelDims(parallel);
  op.getReductionDims(reductions);
  if (parallel.size() != 2 || reductions.size() > 2)
    return false;
  AffineMap lhsMap = op.getMatchingIndexingMap(product.lhs);
  AffineMap rhsMap = op.getMatchingIndexingMap(product.rhs);
  unsigned m = parallel[0], n = parallel[1];
  if (rhsMap.isFunctionOfDim(m))
    std::swap(m, n);
  if (rhsMap.isFunctionOfDim(m) ||
      !isMap(op.getMatchingIndexingMap(op.getDpsInitOperand(0)), {m, n}))
    return false;
  SmallVector<unsigned> byTerm(reductions), byColumn(reductions);
  byTerm.push_back(n);
  byColumn.insert(byColumn.begin(), n);
  product.isRhsTransposed = reductions.size() == 1 && isMap(rhsMap, byColumn);
  if (!product.isRhsTransposed && !isMap(rhsMap, byTerm))
    return false;
  product.mLoop = m;
  product.nLoop = n;
  product.reductions.assign(reductions.begin(), reductions.end());
  // Rows that move in other ways come from qfmt-convolutions-to-products, which
  // sees to it that their number is known.
  if (product.isRowMajor())
    return true;
  if (ShapedType::isDynamicShape(op.getStaticLoopRanges()))
    return false;
  return product.isDepthwise() ? isByColumn(lhsMap, n)
                               : isContiguous(lhsMap, reductions.back());
}

static bool hasBytes(OpOperand &operand) {
  auto type = dyn_cast<RankedTensorType>(operand.get().getType());
  return type && type.getElementType().isInteger(8);
}

std::optional<IntegerProduct> matchFactors(linalg::GenericOp op,
                                           StringRef &whyNot) {
  whyNot = {};
  if (!op.hasPureTensorSemantics() || op.getNumDpsInputs() != 2 ||
      op.getNumDpsInits() != 1 || op.getNumReductionLoops() == 0 ||
      !llvm::all_of(op.getDpsInputOperands(),
                    [](OpOperand *input) { return hasBytes(*input); }))
    return std::nullopt;
  std::optional<std::pair<Value, Value>> factors = getFactors(op);
  if (!factors) {
    whyNot = "its body is not a product added to a 32-bit sum";
    return std::nullopt;
  }
  // The constant factor is the right one.
  IntegerProduct product;
  product.op = op;
  product.lhs = op.getDpsInputOperand(0);
  product.rhs = op.getDpsInputOperand(1);
  auto isConstant = [](Value value) {
    return matchPattern(value, m_Constant()) || getPackedFactor(value);
  };
  if (isConstant(product.lhs->get()))
    std::swap(product.lhs, product.rhs);
  if (!isConstant(product.rhs->get())) {
    whyNot = "neither factor is a constant";
    return std::nullopt;
  }
  auto tabulateFactors = [&](Value left, Value right) {
    auto lhsValues = tabulate(left, op.getMatchingBlockArgument(product.lhs));
    auto rhsValues = tabulate(right, op.getMatchingBlockArgument(product.rhs));
    if (!lhsValues || !rhsValues)
      return false;
    product.lhsValues = *lhsValues;
    product.rhsValues = *rhsValues;
    return true;
  };
  if (!tabulateFactors(factors->first, factors->second) &&
      !tabulateFactors(factors->second, factors->first)) {
    whyNot = "its factors are no functions of one code each";
    return std::nullopt;
  }
  return product;
}

std::optional<IntegerProduct> matchIntegerProduct(linalg::GenericOp op,
                                                  StringRef &whyNot) {
  std::optional<IntegerProduct> product = matchFactors(op, whyNot);
  if (!product)
    return std::nullopt;
  if (!findLoops(*product)) {
    whyNot = "it is no product of a row-major matrix and a constant one";
    return std::nullopt;
  }
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  product->m = sizes[product->mLoop];
  product->n = sizes[product->nLoop];
  product->run = product->k = sizes[product->reductions.back()];
  if (product->hasRuns())
    product->k *= sizes[product->reductions.front()];
  if (product->n == 0 || product->k == 0 || product->m == 0)
    return std::nullopt;
  return product;
}

ElementsAttr makeByteTensor(MLIRContext *context, ArrayRef<int64_t> shape,
                            ArrayRef<uint8_t> bytes, StringRef name) {
  auto type = RankedTensorType::get(shape, IntegerType::get(context, 8));
  ElementsAttr flat = makeBytes(context, bytes, name);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(flat))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  return cast<DenseElementsAttr>(flat).reshape(type);
}

bool hasNarrowPairs(const IntegerProduct &product, ArrayRef<uint8_t> packed,
                    const CpuTarget &target) {
  if (!target.profitsFromNarrowPairs() || product.isDepthwise())
    return false;
  for (size_t i = 0, e = packed.size(); i < e; i += 2)
    if (std::abs(int32_t(int8_t(packed[i]))) +
            std::abs(int32_t(int8_t(packed[i + 1]))) >
        128)
      return false;
  return true;
}

bool hasNarrowPairs(const IntegerProduct &product, const CpuTarget &target) {
  ElementsAttr constant;
  if (!target.profitsFromNarrowPairs() ||
      !matchPattern(getPackedFactor(product.rhs->get()), m_Constant(&constant)))
    return false;
  std::optional<std::vector<uint8_t>> packed = readCodes(constant);
  return packed && hasNarrowPairs(product, *packed, target);
}

Value getPackedFactor(Value rhs) {
  auto unpack = rhs.getDefiningOp<linalg::UnPackOp>();
  if (!unpack || !matchPattern(unpack.getSource(), m_Constant()) ||
      unpack.getStaticInnerTiles() !=
          ArrayRef<int64_t>{kColumnsPerBlock, kTermsPerDot})
    return {};
  // Columns, the last dimension, first; then the others in their order.
  int64_t last = cast<RankedTensorType>(rhs.getType()).getRank() - 1;
  SmallVector<int64_t> outer = llvm::to_vector(llvm::seq<int64_t>(0, last));
  outer.insert(outer.begin(), last);
  if (unpack.getOuterDimsPerm() != ArrayRef<int64_t>(outer) ||
      unpack.getInnerDimsPos() != ArrayRef<int64_t>{last, last - 1})
    return {};
  return unpack.getSource();
}

} // namespace mlir::qfmt
