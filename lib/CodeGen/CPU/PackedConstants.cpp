// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "PackedConstants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"
#include <cmath>

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
      arith::ConstantOp::create(b,
                                makeIntegers(packedType, packed, "packed")),
      encoding.bits, encoding.offset, table);
}

Value emitField(ImplicitLocOpBuilder &b, cpu::UnpackIntegersOp op, Value bytes,
                int64_t field) {
  auto type = cast<VectorType>(bytes.getType());
  auto splat = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, APInt(8, value)));
  };
  int64_t bits = op.getBits();
  Value codes = bytes;
  if (field != 0)
    codes = arith::ShRUIOp::create(b, codes, splat(field * bits));
  if (field + 1 != op.getNumFields())
    codes = arith::AndIOp::create(b, codes, splat((1 << bits) - 1));
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
  Value bits =
      arith::ExtUIOp::create(b, withElement(b.getI32Type()), codes);
  bits = arith::ShLIOp::create(b, bits,
                               constant(b.getI32IntegerAttr(op.getShift())));
  Value number = arith::BitcastOp::create(b, withElement(b.getF32Type()), bits);
  if (op.getExponent() == 0)
    return number;
  float factor = std::ldexp(1.0f, op.getExponent());
  return arith::MulFOp::create(b, number, constant(b.getF32FloatAttr(factor)));
}

} // namespace mlir::qfmt
