// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DecodedSource.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

//===----------------------------------------------------------------------===//
// Places of elements
//===----------------------------------------------------------------------===//

static int64_t evaluate(AffineExpr expr, int64_t column, int64_t row) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dim.getPosition() == 0 ? column : row;
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t lhs = evaluate(binary.getLHS(), column, row);
  int64_t rhs = evaluate(binary.getRHS(), column, row);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return lhs + rhs;
  case AffineExprKind::Mul:
    return lhs * rhs;
  case AffineExprKind::Mod:
    return lhs - llvm::divideFloorSigned(lhs, rhs) * rhs;
  case AffineExprKind::FloorDiv:
    return llvm::divideFloorSigned(lhs, rhs);
  default:
    return llvm::divideCeilSigned(lhs, rhs);
  }
}

/// The least period of `places`, 0 if they are all the same.
static int64_t findPeriod(ArrayRef<int64_t> places) {
  int64_t period = 0;
  for (size_t i = 1; i < places.size(); ++i)
    if (places[i] != places[i - 1])
      period = std::gcd(period, int64_t(i));
  return period;
}

static bool findPlaces(ArrayRef<AffineExpr> indices, ArrayRef<int64_t> shape,
                       MutableArrayRef<int64_t> columns,
                       MutableArrayRef<int64_t> rows) {
  int64_t stride = 1;
  for (int64_t i = shape.size() - 1; i >= 0; --i) {
    AffineExpr index = indices[i];
    bool byRow = index.isFunctionOfDim(1);
    if (byRow && index.isFunctionOfDim(0))
      return false;
    MutableArrayRef<int64_t> places = byRow ? rows : columns;
    for (auto [j, place] : llvm::enumerate(places)) {
      int64_t element = evaluate(index, j, j);
      if (element < 0 || element >= shape[i])
        return false;
      place += element * stride;
    }
    stride *= shape[i];
  }
  return true;
}

int64_t DecodedFactor::Source::getFunction(int64_t row) const {
  return evaluate(indices.front(), 0, row);
}

bool DecodedFactor::Source::setPlaces(ArrayRef<AffineExpr> indices, int64_t n,
                                      int64_t k) {
  columnPlaces.resize(n);
  rowPlaces.resize(k);
  if (!findPlaces(indices, constant->shape, columnPlaces, rowPlaces))
    return false;
  period = findPeriod(rowPlaces);
  return true;
}

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

int64_t DecodedFactor::getNumBytes() const {
  int64_t blocks = llvm::divideCeil(n, kColumnsPerBlock);
  int64_t bits = 0;
  for (const Source &source : sources)
    if (!source.isFunction())
      bits += blocks * source.getNumStored(k) * source.getLanes() *
              source.getStoredBits();
  return bits / 8;
}

void DecodedFactor::emitSources(ImplicitLocOpBuilder &b) {
  for (Source &source : sources)
    if (!source.isFunction())
      emitSource(b, source);
}

/// A constant of integers of `bits` bits that are the low ones of `elements`.
static Value emitConstant(ImplicitLocOpBuilder &b, ArrayRef<int64_t> shape,
                          int64_t bits, ArrayRef<uint32_t> elements) {
  auto type = RankedTensorType::get(shape, b.getIntegerType(bits));
  std::vector<int64_t> values;
  values.reserve(elements.size());
  for (uint32_t element : elements)
    values.push_back(llvm::SignExtend64(element, bits));
  return arith::ConstantOp::create(b, makeIntegers(type, values, "packed"));
}

void DecodedFactor::emitSource(ImplicitLocOpBuilder &b, Source &source) {
  int64_t blocks = llvm::divideCeil(n, kColumnsPerBlock);
  int64_t stored = source.getNumStored(k), lanes = source.getLanes();
  std::vector<uint32_t> elements(blocks * stored * lanes);
  ArrayRef<uint32_t> bits = source.constant->bits;
  uint32_t mask = llvm::maskTrailingOnes<uint32_t>(source.width);
  for (int64_t column = 0; column < n; ++column) {
    int64_t place = source.columnPlaces[column];
    int64_t lane = column % kColumnsPerBlock;
    uint32_t *first = &elements[column / kColumnsPerBlock * stored * lanes];
    if (source.planes) {
      for (int64_t row = 0; row < k; ++row)
        first[row / BytePlanes::kRows * lanes +
              BytePlanes::getPlace(lane, row % BytePlanes::kRows)] =
            bits[place + source.rowPlaces[row]];
      continue;
    }
    first += lane;
    if (source.width == 0) {
      for (int64_t i = 0; i < stored; ++i)
        first[i * kColumnsPerBlock] =
            bits[place + source.rowPlaces[i * source.period]];
      continue;
    }
    for (int64_t row = 0; row < k; ++row) {
      int64_t bit = row % source.getUnitRows() * source.width;
      int64_t word =
          row / source.getUnitRows() * source.getUnitWords() + bit / kWordBits;
      uint64_t code = bits[place + source.rowPlaces[row]] & mask;
      code <<= bit % kWordBits;
      first[word * kColumnsPerBlock] |= uint32_t(code);
      if (code >> kWordBits != 0)
        first[(word + 1) * kColumnsPerBlock] |= uint32_t(code >> kWordBits);
    }
  }
  source.constant->bits = {};
  source.packed = emitConstant(b, {blocks, stored, lanes},
                               source.getStoredBits(), elements);
}

} // namespace mlir::qfmt
