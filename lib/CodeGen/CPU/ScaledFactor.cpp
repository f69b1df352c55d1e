// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ScaledFactor.h"
#include "BodyEvaluation.h"
#include "ConstantBits.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include <cmath>
#include <unordered_map>

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

static void collectFactors(Value value, SmallVectorImpl<Value> &factors) {
  if (auto product = value.getDefiningOp<arith::MulFOp>()) {
    collectFactors(product.getLhs(), factors);
    collectFactors(product.getRhs(), factors);
    return;
  }
  factors.push_back(value);
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
  collectFactors(op.getBody()->getTerminator()->getOperand(0), factors);
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

static std::optional<double> getNumber(Attribute attr) {
  auto number = dyn_cast_or_null<FloatAttr>(attr);
  if (!number)
    return std::nullopt;
  return number.getValue().convertToDouble();
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

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

namespace {

/// Elements of one operand, by row and term of the matrix.
struct Operand {
  ConstantBits constant;
  std::vector<int64_t> rowOffsets, termOffsets;

  uint32_t getBits(int64_t row, int64_t term) const {
    return constant.bits[rowOffsets[row] + termOffsets[term]];
  }
};

/// The offsets that `count` indices of a dimension of the matrix add, given
/// what the loops it consists of do.
std::vector<int64_t> getOffsets(ArrayRef<unsigned> loops,
                                ArrayRef<int64_t> sizes,
                                ArrayRef<int64_t> strides, int64_t count) {
  int64_t inner = sizes[loops.back()];
  std::vector<int64_t> offsets(count);
  for (int64_t i = 0; i < count; ++i) {
    offsets[i] = i % inner * strides[loops.back()];
    if (loops.size() == 2)
      offsets[i] += i / inner * strides[loops.front()];
  }
  return offsets;
}

/// A factor of a constant, evaluated once for each combination of the codes it
/// depends on.
class FactorValues {
public:
  FactorValues(Value value, ArrayRef<std::optional<Operand>> operands)
      : value(value) {
    SmallVector<BlockArgument> found = *getArgumentsOf(value);
    for (BlockArgument argument : found) {
      arguments.push_back(argument);
      sources.push_back(&*operands[argument.getArgNumber()]);
      width += argument.getType().getIntOrFloatBitWidth();
    }
    if (width <= kMaxTableBits)
      table.resize(size_t(1) << width, -1);
  }

  /// The place in `getAll` of the value for an element; -1 if it does not fold.
  int64_t getPlace(int64_t row, int64_t term) {
    uint64_t key = 0;
    for (auto [source, argument] : llvm::zip_equal(sources, arguments))
      key = key << argument.getType().getIntOrFloatBitWidth() |
            source->getBits(row, term);
    int64_t *place = width <= kMaxTableBits
                         ? &table[key]
                         : &known.try_emplace(key, -1).first->second;
    if (*place < 0) {
      std::optional<double> number = evaluate(row, term);
      if (!number)
        return -1;
      *place = numbers.size();
      numbers.push_back(*number);
    }
    return *place;
  }

  /// All values so far.
  ArrayRef<double> getAll() const { return numbers; }
  /// Codes of at most 64 bits have a place.
  bool isLegal() const { return width <= 64; }

private:
  static constexpr unsigned kMaxTableBits = 16;

  std::optional<double> evaluate(int64_t row, int64_t term) {
    return getNumber(evaluateBody(value, [&](BlockArgument argument) {
      size_t i = llvm::find(arguments, argument) - arguments.begin();
      return getElementAttr(argument.getType(), sources[i]->getBits(row, term));
    }));
  }

  Value value;
  SmallVector<BlockArgument> arguments;
  SmallVector<const Operand *> sources;
  unsigned width = 0;
  std::vector<int64_t> table;
  std::unordered_map<uint64_t, int64_t> known;
  std::vector<double> numbers;
};

} // namespace

/// Reads what `decode` reads, or fails.
static std::optional<SmallVector<std::optional<Operand>>>
readOperands(const ScaledFactor &factor, unsigned sumDim, int64_t rows,
             int64_t terms) {
  linalg::GenericOp op = factor.decode;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  SmallVector<std::optional<Operand>> operands;
  for (OpOperand *input : op.getDpsInputOperands()) {
    operands.emplace_back();
    if (!op.payloadUsesValueFromOperand(input))
      continue;
    std::optional<ConstantBits> constant = readConstantBits(input->get());
    if (!constant)
      return std::nullopt;
    // The distance of neighbours along each loop.
    SmallVector<int64_t> strides(op.getNumLoops(), 0);
    int64_t stride = 1;
    AffineMap map = op.getMatchingIndexingMap(input);
    for (int64_t i = int64_t(map.getNumResults()) - 1; i >= 0; --i) {
      auto dim = dyn_cast<AffineDimExpr>(map.getResult(i));
      if (!dim && !isa<AffineConstantExpr>(map.getResult(i)))
        return std::nullopt;
      if (dim)
        strides[dim.getPosition()] += stride;
      stride *= constant->shape[i];
    }
    operands.back() =
        Operand{std::move(*constant),
                getOffsets(factor.loops[1 - sumDim], sizes, strides, rows),
                getOffsets(factor.loops[sumDim], sizes, strides, terms)};
  }
  return operands;
}

/// Multiplies `scales`, of `rows` rows for each of `blocks` blocks of
/// `blockSize` terms, by the values of a factor. False if one is no positive or
/// negative number of full precision, or 0.
static bool multiplyScales(std::vector<float> &scales, FactorValues &values,
                           int64_t rows, int64_t blocks, int64_t blockSize) {
  scales.resize(rows * blocks, 1.0f);
  for (int64_t block = 0; block < blocks; ++block)
    for (int64_t row = 0; row < rows; ++row) {
      int64_t place = values.getPlace(row, block * blockSize);
      if (place < 0)
        return false;
      float &scale = scales[block * rows + row];
      scale *= float(values.getAll()[place]);
      if (scale != 0 && !std::isnormal(scale))
        return false;
    }
  return true;
}

static bool multiplyUnit(std::vector<float> &scales, int unit) {
  for (float &scale : scales) {
    bool wasZero = scale == 0;
    scale = std::ldexp(scale, unit);
    if (!wasZero && !std::isnormal(scale))
      return false;
  }
  return true;
}

std::optional<ConstantFactor> readConstantFactor(const ScaledFactor &factor,
                                                 unsigned sumDim, int64_t rows,
                                                 int64_t terms,
                                                 StringRef &whyNot) {
  auto operands = readOperands(factor, sumDim, rows, terms);
  if (!operands) {
    whyNot = "neither factor is a constant";
    return std::nullopt;
  }
  int64_t blocks = factor.getNumBlocks(sumDim);
  int64_t blockSize = factor.getBlockSize(sumDim);
  int64_t width = blocks * blockSize;
  unsigned blockLoop = factor.loops[sumDim].front();
  unsigned termLoop = factor.loops[sumDim].back();

  FactorValues integers(factor.integer, *operands);
  std::vector<int32_t> places(rows * width, -1);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t term = 0; term < terms; ++term) {
      int64_t place = integers.isLegal() ? integers.getPlace(row, term) : -1;
      if (place < 0) {
        whyNot = "its constant factor's codes do not fold";
        return std::nullopt;
      }
      places[row * width + term] = place;
    }
  std::optional<ByteGrid> grid = getByteGrid(integers.getAll());
  if (!grid) {
    whyNot = "its constant factor has no integers of 8 bits";
    return std::nullopt;
  }
  ConstantFactor constant;
  for (int32_t place : places)
    constant.integers.push_back(place < 0 ? 0 : grid->integers[place]);
  constant.rowScales.assign(rows, 1.0f);
  whyNot = "its scales are not of full precision";
  for (Value scale : factor.scales) {
    if (factor.dependsOn(scale, termLoop)) {
      whyNot = "its scales change within blocks";
      return std::nullopt;
    }
    FactorValues scales(scale, *operands);
    bool isOfBlock = blocks > 1 && factor.dependsOn(scale, blockLoop);
    if (!scales.isLegal())
      return std::nullopt;
    if (isOfBlock
            ? !multiplyScales(constant.blockScales, scales, rows, blocks,
                              blockSize)
            : !multiplyScales(constant.rowScales, scales, rows, 1, blockSize))
      return std::nullopt;
  }
  if (!multiplyUnit(constant.blockScales.empty() ? constant.rowScales
                                                 : constant.blockScales,
                    grid->unit))
    return std::nullopt;
  whyNot = {};
  return constant;
}

} // namespace mlir::qfmt
