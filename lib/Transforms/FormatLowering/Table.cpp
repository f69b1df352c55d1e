// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Table.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

static Value emitLookup(ScalarBuilder &b, Value index,
                        DenseElementsAttr table) {
  return b.createOrFold<LookupOp>(table.getElementType(), index, table);
}

/// A code as a signless integer, which floats of 16 bits are not.
static Value emitBits(ScalarBuilder &b, Value code) {
  Type type = code.getType();
  if (isa<IntegerType>(type))
    return code;
  return b.createOrFold<arith::BitcastOp>(
      b.getIntegerType(type.getIntOrFloatBitWidth()), code);
}

Value mlir::qfmt::emitTableDecode(ScalarBuilder &b, NumberFormat format,
                                  Value code) {
  const DecodeTable &table = FormatTables::get(format).getDecodeTable(format);
  std::vector<float> values(table.values.begin(), table.values.end());
  auto type = RankedTensorType::get(values.size(), b.getF32Type());
  return emitLookup(b, emitBits(b, code),
                    DenseElementsAttr::get(type, ArrayRef(values)));
}

//===----------------------------------------------------------------------===//
// Searching
//===----------------------------------------------------------------------===//

namespace {
/// The number of starts at or below a real that is no NaN, by bisection: after
/// level j it is known up to its low bits, which are those of the levels to
/// come. So level j has 2^j starts to choose from.
class Search {
public:
  Search(ScalarBuilder &b, Value real, const EncodeSteps &steps);

  /// As an i32 or i64, below 2^numLevels.
  Value emit();
  unsigned getNumLevels() const { return numLevels; }

private:
  uint64_t getKeyBits(size_t start) const;
  DenseElementsAttr getKeys(unsigned level) const;
  Value emitKey(unsigned level, Value index);
  Value emitReached(Value key);

  ScalarBuilder &b;
  const EncodeSteps &steps;
  unsigned numLevels;
  /// The real, or its place in the order of the type if that has to tell -0
  /// from +0.
  Value key;
  Type indexType;
};
} // namespace

Search::Search(ScalarBuilder &b, Value real, const EncodeSteps &steps)
    : b(b), steps(steps), numLevels(llvm::Log2_64_Ceil(steps.codes.size())),
      key(real),
      indexType(b.getIntegerType(real.getType().getIntOrFloatBitWidth())) {
  if (!steps.splitsZero())
    return;
  // A negative number's magnitude counts downwards.
  unsigned width = indexType.getIntOrFloatBitWidth();
  Value bits = b.createOrFold<arith::BitcastOp>(indexType, real);
  Value sign = b.apply<arith::ShRSIOp>(bits, width - 1);
  key = b.apply<arith::XOrIOp>(
      bits, b.apply<arith::AndIOp>(sign, llvm::maxIntN(width)));
}

/// The key of start number `start`, 0 being none; beyond the last there is one
/// that no real but a NaN reaches.
uint64_t Search::getKeyBits(size_t start) const {
  bool isPadding = start > steps.starts.size();
  unsigned width = indexType.getIntOrFloatBitWidth();
  bool isFloat = isa<FloatType>(key.getType());
  if (isPadding && !isFloat)
    return llvm::maxIntN(width);
  APFloat real(isPadding ? NAN : steps.starts[start - 1]);
  bool losesInfo;
  if (width == 32)
    real.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                 &losesInfo);
  APInt bits = real.bitcastToAPInt();
  if (!isFloat && bits.isNegative())
    bits ^= APInt::getSignedMaxValue(width);
  return bits.getZExtValue();
}

/// The starts, 2^level of them, that decide the bit of `level` for each value
/// of the higher ones.
DenseElementsAttr Search::getKeys(unsigned level) const {
  size_t count = size_t(1) << level;
  auto type = RankedTensorType::get(count, key.getType());
  auto collect = [&](auto zero) {
    std::vector<decltype(zero)> keys;
    for (size_t i = 0; i < count; ++i)
      keys.push_back(getKeyBits((2 * i + 1) << (numLevels - 1 - level)));
    return DenseElementsAttr::getFromRawBuffer(
        type, {reinterpret_cast<const char *>(keys.data()),
               keys.size() * sizeof(zero)});
  };
  return indexType.isInteger(32) ? collect(uint32_t(0)) : collect(uint64_t(0));
}

/// The start that decides the bit of `level`, the higher ones being `index`.
Value Search::emitKey(unsigned level, Value index) {
  DenseElementsAttr keys = getKeys(level);
  if (level > 0)
    return emitLookup(b, index, keys);
  return arith::ConstantOp::create(
      b, cast<TypedAttr>(*keys.getValues<Attribute>().begin()));
}

/// 1 if the real is at or above the start `other`, else 0.
Value Search::emitReached(Value other) {
  Value reached =
      isa<FloatType>(key.getType())
          ? b.createOrFold<arith::CmpFOp>(CmpFPredicate::OGE, key, other)
          : b.createOrFold<arith::CmpIOp>(CmpIPredicate::sge, key, other);
  return b.createOrFold<arith::ExtUIOp>(indexType, reached);
}

Value Search::emit() {
  Value index;
  for (unsigned level = 0; level < numLevels; ++level) {
    Value bit = emitReached(emitKey(level, index));
    index = index ? b.apply<arith::AddIOp>(b.apply<arith::AddIOp>(index, index),
                                           bit)
                  : bit;
  }
  return index ? index : b.integer(indexType, 0);
}

//===----------------------------------------------------------------------===//
// Encode
//===----------------------------------------------------------------------===//

/// True if the codes count up from the first, modulo 2^width.
static bool isCounting(ArrayRef<uint64_t> codes, unsigned width) {
  uint64_t mask = llvm::maskTrailingOnes<uint64_t>(width);
  for (auto [i, code] : llvm::enumerate(codes))
    if (code != ((codes.front() + i) & mask))
      return false;
  return true;
}

/// The codes by index, as integers of `width` bits; the last one for an index
/// that no number has.
static Value emitCode(ScalarBuilder &b, Value index, ArrayRef<uint64_t> codes,
                      unsigned width, unsigned numLevels) {
  Type type = b.getIntegerType(width);
  if (isCounting(codes, width)) {
    Value code = b.apply<arith::AddIOp>(index, int64_t(codes.front()));
    return b.createOrFold<arith::TruncIOp>(type, code);
  }
  SmallVector<APInt> entries;
  for (uint64_t code : codes)
    entries.push_back(APInt(width, code));
  entries.resize(size_t(1) << numLevels, entries.back());
  return emitLookup(b, index,
                    DenseElementsAttr::get(
                        RankedTensorType::get(entries.size(), type), entries));
}

Value mlir::qfmt::emitStepCode(ScalarBuilder &b, const EncodeSteps &all,
                               unsigned width, Value real) {
  EncodeSteps steps = real.getType().isF32() ? all.inF32() : all;
  Search search(b, real, steps);
  Value code =
      emitCode(b, search.emit(), steps.codes, width, search.getNumLevels());
  return b.select(b.isNaN(real), b.integer(code.getType(), steps.nanCode),
                  code);
}

Value mlir::qfmt::emitTableEncode(ScalarBuilder &b, NumberFormat format,
                                  Value real, const EncodeModes &modes) {
  const EncodeSteps &steps =
      FormatTables::get(format).getEncodeSteps(format, modes);
  Value code = emitStepCode(b, steps, format.getFormatWidth(), real);
  Type storage = getCodeType(format.getStorageType());
  return storage == code.getType()
             ? code
             : b.createOrFold<arith::BitcastOp>(storage, code);
}
