// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FactorValues.h"
#include "qfmt/CodeGen/Products/ScaledFactor.h"
#include <cmath>

namespace mlir::qfmt {

namespace {

/// Elements of one operand, by row and term of the matrix.
struct Operand {
  ConstantBits constant;
  std::vector<int64_t> rowOffsets, termOffsets;

  uint32_t getBits(int64_t row, int64_t term) const {
    return constant.bits[rowOffsets[row] + termOffsets[term]];
  }
};

/// The values of a factor by row and term.
class MatrixValues {
public:
  MatrixValues(Value value, ArrayRef<std::optional<Operand>> operands)
      : values(value) {
    for (BlockArgument argument : values.getArguments())
      sources.push_back(&*operands[argument.getArgNumber()]);
    bits.resize(sources.size());
  }

  bool isLegal() const { return values.isLegal(); }
  int64_t getPlace(int64_t row, int64_t term) {
    for (auto [word, source] : llvm::zip_equal(bits, sources))
      word = source->getBits(row, term);
    return values.getPlace(bits);
  }
  ArrayRef<double> getAll() const { return values.getAll(); }

private:
  FactorValues values;
  SmallVector<const Operand *> sources;
  SmallVector<uint32_t> bits;
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
      constant = computeConstant(input->get());
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
static bool multiplyScales(std::vector<float> &scales, MatrixValues &values,
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

  MatrixValues integers(factor.integer, *operands);
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
    MatrixValues scales(scale, *operands);
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
