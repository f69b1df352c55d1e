// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "PackedConstants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

namespace {
/// What a code of `bits` stands for: table[code] + offset, or code + offset.
struct Encoding {
  int64_t bits, offset;
  /// Without `offset`; empty if there is none.
  SmallVector<int64_t> table;
  /// By value, as an unsigned byte.
  std::array<uint8_t, 256> codes;
};
} // namespace

static Encoding chooseEncoding(ArrayRef<uint8_t> bytes) {
  std::array<bool, 256> occurs = {};
  for (uint8_t byte : bytes)
    occurs[byte] = true;
  SmallVector<int64_t> values;
  for (int64_t value = -128; value < 128; ++value)
    if (occurs[uint8_t(value)])
      values.push_back(value);
  Encoding encoding;
  encoding.offset = values.front();
  int64_t range = values.back() - values.front() + 1;
  for (encoding.bits = 2; encoding.bits < 8; encoding.bits *= 2)
    if (int64_t(values.size()) <= int64_t(1) << encoding.bits)
      break;
  if (encoding.bits == 8)
    encoding.offset = -128;
  else if (range > int64_t(1) << encoding.bits)
    for (int64_t value : values)
      encoding.table.push_back(value - encoding.offset);
  // What never occurs is filled up.
  if (!encoding.table.empty())
    encoding.table.resize(size_t(1) << encoding.bits, 0);
  for (auto [number, value] : llvm::enumerate(values))
    encoding.codes[uint8_t(value)] =
        encoding.table.empty() ? value - encoding.offset : number;
  return encoding;
}

Value emitPackedIntegers(ImplicitLocOpBuilder &b, Value matrix) {
  ElementsAttr constant;
  auto type = cast<RankedTensorType>(matrix.getType());
  if (!matchPattern(matrix, m_Constant(&constant)))
    return {};
  std::optional<std::vector<uint8_t>> bytes = readCodes(constant);
  if (!bytes || bytes->empty())
    return {};
  Encoding encoding = chooseEncoding(*bytes);
  int64_t rows = type.getDimSize(0), terms = type.getShape().back();
  int64_t groups = type.getRank() == 3 ? type.getDimSize(1) : 1;
  int64_t fields = 8 / encoding.bits;
  int64_t blocks = llvm::divideCeil(rows, kColumnsPerBlock);
  int64_t steps = llvm::divideCeil(terms, kTermsPerDot * fields);
  std::vector<int64_t> packed(blocks * groups * steps * ByteDotProduct::kBytes,
                              0);
  for (int64_t n = 0; n < rows; ++n)
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t k = 0; k < terms; ++k) {
        int64_t row = (n / kColumnsPerBlock * groups + g) * steps +
                      k / (kTermsPerDot * fields);
        int64_t place = row * ByteDotProduct::kBytes +
                        n % kColumnsPerBlock * kTermsPerDot + k % kTermsPerDot;
        int64_t field = k / kTermsPerDot % fields;
        uint8_t code = encoding.codes[(*bytes)[(n * groups + g) * terms + k]];
        packed[place] |= int64_t(code) << field * encoding.bits;
      }
  for (int64_t &byte : packed)
    byte = int8_t(byte);
  auto packedType = RankedTensorType::get(
      {blocks, groups, steps, ByteDotProduct::kBytes}, b.getI8Type());
  DenseI64ArrayAttr table;
  if (!encoding.table.empty())
    table = b.getDenseI64ArrayAttr(encoding.table);
  return cpu::UnpackIntegersOp::create(
      b, type,
      arith::ConstantOp::create(b, makeIntegers(packedType, packed, "packed")),
      encoding.bits, encoding.offset, table);
}

static Value emitSplat(ImplicitLocOpBuilder &b, Type type, int64_t value) {
  auto vector = cast<VectorType>(type);
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(vector,
                                APInt(vector.getElementTypeBitWidth(), value)));
}

Value emitField(ImplicitLocOpBuilder &b, cpu::UnpackIntegersOp op, Value bytes,
                int64_t field, bool inPlace) {
  auto type = cast<VectorType>(bytes.getType());
  int64_t bits = op.getBits(), mask = (int64_t(1) << bits) - 1;
  if (bits == 8)
    return bytes;
  if (inPlace)
    return arith::AndIOp::create(b, bytes,
                                 emitSplat(b, type, mask << field * bits));
  Value codes = bytes;
  if (field != 0) {
    // Shifts of bytes become an affine transformation over GF(2) where there is
    // one, which Zen 4 executes where it multiplies.
    auto words = VectorType::get(type.getNumElements() / 2, b.getI16Type());
    Value wide = vector::BitCastOp::create(b, words, codes);
    wide = arith::ShRUIOp::create(b, wide, emitSplat(b, words, field * bits));
    codes = vector::BitCastOp::create(b, type, wide);
  }
  codes = arith::AndIOp::create(b, codes, emitSplat(b, type, mask));
  std::optional<ArrayRef<int64_t>> table = op.getTable();
  if (!table)
    return codes;
  SmallVector<int8_t> entries(table->begin(), table->end());
  auto tableType = RankedTensorType::get(entries.size(), b.getI8Type());
  return LookupOp::create(b, type, codes,
                          DenseElementsAttr::get(tableType, ArrayRef(entries)));
}

Value emitDecodedScale(ImplicitLocOpBuilder &b, cpu::UnpackScalesOp op,
                       Value codes) {
  Type element = getElementTypeOrSelf(codes.getType());
  if (element.isF32())
    return codes;
  auto withElement = [&](Type type) -> Type {
    if (auto vector = dyn_cast<VectorType>(codes.getType()))
      return vector.clone(type);
    return type;
  };
  auto constant = [&](TypedAttr value) -> Value {
    Type type = withElement(value.getType());
    if (auto vector = dyn_cast<VectorType>(type))
      value = DenseElementsAttr::get(vector, Attribute(value));
    return arith::ConstantOp::create(b, value);
  };
  Value bits = arith::ExtUIOp::create(b, withElement(b.getI32Type()), codes);
  bits = arith::ShLIOp::create(b, bits,
                               constant(b.getI32IntegerAttr(op.getShift())));
  if (op.getExponent() != 0)
    bits = arith::AddIOp::create(
        b, bits, constant(b.getI32IntegerAttr(op.getExponent() * (1 << 23))));
  return arith::BitcastOp::create(b, withElement(b.getF32Type()), bits);
}

} // namespace mlir::qfmt
