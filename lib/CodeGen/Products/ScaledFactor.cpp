// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Products/ScaledFactor.h"
#include "FactorValues.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "qfmt/CodeGen/Products/BodyEvaluation.h"
#include "qfmt/CodeGen/Products/ConstantBits.h"
#include <cmath>

namespace mlir::qfmt {

//===----------------------------------------------------------------------===//
// The factors of a decoded value
//===----------------------------------------------------------------------===//

/// The slice that `matrix` is, if it keeps the beginning of each dimension.
static tensor::ExtractSliceOp getTrimming(Value matrix) {
  auto slice = matrix.getDefiningOp<tensor::ExtractSliceOp>();
  if (!slice || slice.getType().getRank() != slice.getSourceType().getRank())
    return {};
  auto are = [](ArrayRef<int64_t> numbers, int64_t number) {
    return llvm::all_of(numbers, [=](int64_t n) { return n == number; });
  };
  if (!are(slice.getStaticOffsets(), 0) || !are(slice.getStaticStrides(), 1))
    return {};
  return slice;
}

/// True if `slice` cuts off nothing but the end of the last blocks.
static bool trimsLastBlocks(tensor::ExtractSliceOp slice,
                            const ScaledFactor &factor) {
  SmallVector<OpFoldResult> sizes = slice.getMixedSizes();
  for (unsigned dim = 0; dim < 2; ++dim) {
    int64_t from = slice.getSourceType().getDimSize(dim);
    int64_t to = slice.getType().getDimSize(dim);
    if (!ShapedType::isDynamic(from) && !ShapedType::isDynamic(to)) {
      int64_t spare =
          factor.loops[dim].size() == 2 ? factor.getBlockSize(dim) - 1 : 0;
      if (from - to > spare)
        return false;
      continue;
    }
    using Variable = ValueBoundsConstraintSet::Variable;
    FailureOr<bool> isWhole = ValueBoundsConstraintSet::areEqual(
        Variable(slice.getSource(), dim), Variable(sizes[dim]));
    if (factor.loops[dim].size() != 1 || failed(isWhole) || !*isWhole)
      return false;
  }
  return true;
}

/// No decoding has more. A product whose factors are products of themselves has
/// exponentially many.
constexpr size_t kMaxFactors = 16;

/// False if there are too many.
static bool collectFactors(Value value, SmallVectorImpl<Value> &factors) {
  if (auto product = value.getDefiningOp<arith::MulFOp>())
    return collectFactors(product.getLhs(), factors) &&
           collectFactors(product.getRhs(), factors);
  factors.push_back(value);
  return factors.size() <= kMaxFactors;
}

static bool isElementwise(linalg::GenericOp op) {
  return op && op.hasPureTensorSemantics() && op->getNumResults() == 1 &&
         op.getNumReductionLoops() == 0 &&
         op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() &&
         getElementTypeOrSelf(op.getResult(0)).isF32() &&
         !op.payloadUsesValueFromOperand(op.getDpsInitOperand(0));
}

bool ScaledFactor::dependsOn(Value factor, unsigned loop) const {
  linalg::GenericOp op = decode;
  return llvm::any_of(*getArgumentsOf(factor), [&](BlockArgument argument) {
    return op.getMatchingIndexingMap(&op->getOpOperand(argument.getArgNumber()))
        .isFunctionOfDim(loop);
  });
}

std::optional<ScaledFactor> matchScaledFactor(Value matrix, StringRef &whyNot) {
  whyNot = {};
  tensor::ExtractSliceOp trimming = getTrimming(matrix);
  Value source = trimming ? trimming.getSource() : matrix;
  ScaledFactor factor;
  if (auto collapse = source.getDefiningOp<tensor::CollapseShapeOp>()) {
    source = collapse.getSrc();
    for (ArrayRef<int64_t> group : collapse.getReassociationIndices())
      factor.loops.emplace_back(group.begin(), group.end());
  } else {
    factor.loops = {{0}, {1}};
  }
  factor.decode = source.getDefiningOp<linalg::GenericOp>();
  if (!isElementwise(factor.decode))
    return std::nullopt;
  linalg::GenericOp op = factor.decode;
  if (factor.loops.size() != 2 ||
      op.getNumLoops() != factor.loops[0].size() + factor.loops[1].size() ||
      !llvm::all_of(factor.loops,
                    [](ArrayRef<unsigned> loops) { return loops.size() <= 2; }))
    return std::nullopt;

  SmallVector<Value> factors;
  if (!collectFactors(op.getBody()->getTerminator()->getOperand(0), factors))
    return std::nullopt;
  for (Value value : factors) {
    std::optional<SmallVector<BlockArgument>> arguments = getArgumentsOf(value);
    // A factor may come from outside of the body.
    if (!arguments || llvm::any_of(*arguments, [&](BlockArgument argument) {
          return argument.getOwner() != op.getBody();
        })) {
      whyNot = "a factor is decoded from something else than numbers";
      return std::nullopt;
    }
    OpOperand *codes = nullptr;
    for (BlockArgument argument : *arguments) {
      OpOperand &operand = op->getOpOperand(argument.getArgNumber());
      if (op.getMatchingIndexingMap(&operand).isIdentity())
        codes = &operand;
    }
    if (!codes) {
      factor.scales.push_back(value);
      continue;
    }
    if (factor.integer) {
      whyNot = "a factor is a product of several elements";
      return std::nullopt;
    }
    factor.integer = value;
    factor.codes = codes;
  }
  if (!factor.integer || getElementTypeOrSelf(factor.codes->get()).isF32())
    return std::nullopt;
  if (trimming && !trimsLastBlocks(trimming, factor)) {
    whyNot = "a factor is a part of what is decoded";
    return std::nullopt;
  }
  return factor;
}

int64_t ScaledFactor::getNumBlocks(unsigned dim) const {
  if (loops[dim].size() == 1)
    return 1;
  return linalg::GenericOp(decode).getStaticLoopRanges()[loops[dim].front()];
}

int64_t ScaledFactor::getBlockSize(unsigned dim) const {
  return linalg::GenericOp(decode).getStaticLoopRanges()[loops[dim].back()];
}

OpOperand *getOperandOf(linalg::GenericOp op, Value factor) {
  std::optional<SmallVector<BlockArgument>> arguments = getArgumentsOf(factor);
  if (!arguments || arguments->size() != 1)
    return nullptr;
  return &op->getOpOperand(arguments->front().getArgNumber());
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

/// The exponent of the lowest bit of a number other than 0.
static int getLowestBit(double value) {
  int exponent;
  auto mantissa = int64_t(std::ldexp(std::frexp(value, &exponent), 53));
  return exponent - 53 + llvm::countr_zero(uint64_t(mantissa));
}

std::optional<ByteGrid> getByteGrid(ArrayRef<double> values) {
  std::optional<int> unit;
  for (double value : values) {
    if (!std::isfinite(value))
      return std::nullopt;
    if (value != 0)
      unit = std::min(unit.value_or(INT_MAX), getLowestBit(value));
  }
  ByteGrid grid;
  grid.unit = unit.value_or(0);
  for (double value : values) {
    double integer = std::ldexp(value, -grid.unit);
    if (integer < -128 || integer > 127)
      return std::nullopt;
    grid.integers.push_back(int8_t(integer));
  }
  return grid;
}

std::optional<std::vector<double>> tabulateCodes(const ScaledFactor &factor) {
  auto type = cast<ShapedType>(factor.codes->get().getType()).getElementType();
  unsigned width = type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 64;
  if (width > 8 || getOperandOf(factor.decode, factor.integer) != factor.codes)
    return std::nullopt;
  std::vector<double> values;
  for (uint32_t code = 0; code < 1u << width; ++code) {
    Attribute attr = getElementAttr(type, code);
    std::optional<double> value = getNumber(
        evaluateBody(factor.integer, [&](BlockArgument) { return attr; }));
    if (!value)
      return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

} // namespace mlir::qfmt
