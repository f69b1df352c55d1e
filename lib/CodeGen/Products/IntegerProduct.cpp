// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/IntegerProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qfmt/CodeGen/Products/BodyEvaluation.h"
#include "qfmt/CodeGen/Products/ProductBody.h"
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

/// A packed constant is one, too, and what any operation makes of one alone.
static bool isConstant(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto unpack = dyn_cast_or_null<linalg::UnPackOp>(op))
    value = unpack.getSource();
  else if (op && op->getNumOperands() == 1 && op->getNumRegions() == 0 &&
           isPure(op))
    value = op->getOperand(0);
  return matchPattern(value, m_Constant());
}

//===----------------------------------------------------------------------===//
// The loops
//===----------------------------------------------------------------------===//

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
  product.isRhsTransposed = isMap(rhsMap, byColumn);
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
  Value term = getAddedTerm(op.getBody());
  auto factors = term && term.getType().isInteger(32)
                     ? getFactors(term)
                     : std::optional<std::pair<Value, Value>>();
  if (!factors) {
    whyNot = "its body is not a product added to a 32-bit sum";
    return std::nullopt;
  }
  // The constant factor is the right one.
  IntegerProduct product;
  product.op = op;
  product.lhs = op.getDpsInputOperand(0);
  product.rhs = op.getDpsInputOperand(1);
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

} // namespace mlir::qfmt
