// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "IntegerProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

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

/// The value for one code of a chain of operations on `argument` and constants;
/// null if there is something else in it.
static Attribute evaluate(Value value, BlockArgument argument,
                          IntegerAttr code) {
  if (value == argument)
    return code;
  Attribute constant;
  if (matchPattern(value, m_Constant(&constant)))
    return constant;
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumResults() != 1 || op->getNumRegions() != 0 ||
      !isPure(op))
    return {};
  SmallVector<Attribute> operands;
  for (Value operand : op->getOperands()) {
    operands.push_back(evaluate(operand, argument, code));
    if (!operands.back())
      return {};
  }
  SmallVector<OpFoldResult> results;
  // Folders may swap the operands of an operation; a clone is theirs.
  Operation *scratch = op->clone();
  LogicalResult folded = scratch->fold(operands, results);
  Attribute result;
  if (succeeded(folded) && results.size() == 1) {
    result = dyn_cast<Attribute>(results.front());
    // An operation that does nothing folds to its operand.
    if (auto same = dyn_cast<Value>(results.front()))
      for (auto [operand, attribute] :
           llvm::zip_equal(scratch->getOperands(), operands))
        if (operand == same)
          result = attribute;
  }
  scratch->destroy();
  return result;
}

static std::optional<CodeValues> tabulate(Value value, BlockArgument argument) {
  CodeValues values;
  for (unsigned code = 0; code < 256; ++code) {
    auto result = dyn_cast_or_null<IntegerAttr>(
        evaluate(value, argument,
                 IntegerAttr::get(argument.getType(),
                                  APInt(8, code, /*isSigned=*/false))));
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

namespace {
struct Loops {
  unsigned m, n, k;
  bool isRhsTransposed;
};
} // namespace

static bool isMap(AffineMap map, ArrayRef<unsigned> loops) {
  if (map.getNumResults() != loops.size())
    return false;
  return llvm::all_of(llvm::zip_equal(map.getResults(), loops), [](auto pair) {
    auto dim = dyn_cast<AffineDimExpr>(std::get<0>(pair));
    return dim && dim.getPosition() == std::get<1>(pair);
  });
}

static std::optional<Loops> getLoops(linalg::GenericOp op, OpOperand *lhs,
                                     OpOperand *rhs) {
  SmallVector<unsigned> parallel, reductions;
  op.getParallelDims(parallel);
  op.getReductionDims(reductions);
  if (parallel.size() != 2 || reductions.size() != 1)
    return std::nullopt;
  unsigned m = parallel[0], n = parallel[1], k = reductions[0];
  AffineMap lhsMap = op.getMatchingIndexingMap(lhs);
  if (!lhsMap.isFunctionOfDim(m))
    std::swap(m, n);
  AffineMap rhsMap = op.getMatchingIndexingMap(rhs);
  bool isTransposed = isMap(rhsMap, {n, k});
  if (!isMap(lhsMap, {m, k}) || !(isTransposed || isMap(rhsMap, {k, n})) ||
      !isMap(op.getMatchingIndexingMap(op.getDpsInitOperand(0)), {m, n}))
    return std::nullopt;
  return Loops{m, n, k, isTransposed};
}

static bool hasBytes(OpOperand &operand) {
  auto type = dyn_cast<RankedTensorType>(operand.get().getType());
  return type && type.getElementType().isInteger(8);
}

std::optional<IntegerProduct> matchIntegerProduct(linalg::GenericOp op,
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
  std::optional<Loops> loops = getLoops(op, product.lhs, product.rhs);
  if (!loops) {
    whyNot = "it is no product of a row-major matrix and a constant one";
    return std::nullopt;
  }
  product.isRhsTransposed = loops->isRhsTransposed;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  product.m = sizes[loops->m];
  product.n = sizes[loops->n];
  product.k = sizes[loops->k];
  if (product.n == 0 || product.k == 0 || product.m == 0)
    return std::nullopt;

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

Value getPackedFactor(Value rhs) {
  auto unpack = rhs.getDefiningOp<linalg::UnPackOp>();
  if (!unpack || !matchPattern(unpack.getSource(), m_Constant()) ||
      unpack.getOuterDimsPerm() != ArrayRef<int64_t>{1, 0} ||
      unpack.getInnerDimsPos() != ArrayRef<int64_t>{1, 0} ||
      unpack.getStaticInnerTiles() !=
          ArrayRef<int64_t>{kColumnsPerBlock, kTermsPerDot})
    return {};
  return unpack.getSource();
}

} // namespace mlir::qfmt
