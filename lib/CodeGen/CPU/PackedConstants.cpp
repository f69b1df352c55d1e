// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "PackedConstants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

/// What `packed` holds, in its order.
static std::vector<int64_t> packCodes(RankedTensorType type,
                                      ArrayRef<int64_t> shape,
                                      ArrayRef<uint8_t> bytes,
                                      const IntegerEncoding &encoding) {
  int64_t rows = type.getDimSize(0), terms = type.getShape().back();
  int64_t groups = shape[1], steps = shape[2], bits = encoding.getBits();
  int64_t fields = 8 / bits;
  std::vector<int64_t> packed(
      shape[0] * groups * steps * ByteDotProduct::kBytes, 0);
  for (int64_t n = 0; n < rows; ++n)
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t k = 0; k < steps * fields * kTermsPerDot; ++k) {
        int64_t row = (n / kColumnsPerBlock * groups + g) * steps +
                      k / (kTermsPerDot * fields);
        int64_t place = row * ByteDotProduct::kBytes +
                        n % kColumnsPerBlock * kTermsPerDot + k % kTermsPerDot;
        int64_t field = k / kTermsPerDot % fields, group = n * groups + g;
        uint8_t value = k < terms ? bytes[group * terms + k] : 0;
        // A value that does not occur has any code.
        int64_t code = encoding.getCode(value, group) & ((1 << bits) - 1);
        packed[place] |= code << field * bits;
      }
  for (int64_t &byte : packed)
    byte = int8_t(byte);
  return packed;
}

/// [N/16][G][16]; null if groups say nothing.
static Value emitGroups(ImplicitLocOpBuilder &b, ArrayRef<int64_t> packedShape,
                        const IntegerEncoding &encoding) {
  ArrayRef<int8_t> ofGroups = encoding.getGroups();
  if (ofGroups.empty())
    return {};
  int64_t groups = packedShape[1], rows = ofGroups.size() / groups;
  SmallVector<int64_t> shape = {packedShape[0], groups, kColumnsPerBlock};
  std::vector<int64_t> bytes(packedShape[0] * groups * kColumnsPerBlock, 0);
  for (int64_t n = 0; n < rows; ++n)
    for (int64_t g = 0; g < groups; ++g)
      bytes[(n / kColumnsPerBlock * groups + g) * kColumnsPerBlock +
            n % kColumnsPerBlock] = ofGroups[n * groups + g];
  auto type = RankedTensorType::get(shape, b.getI8Type());
  return arith::ConstantOp::create(b, makeIntegers(type, bytes, "groups"));
}

cpu::UnpackIntegersOp emitPackedIntegers(ImplicitLocOpBuilder &b,
                                         RankedTensorType type,
                                         ArrayRef<uint8_t> bytes,
                                         const IntegerEncoding &encoding) {
  int64_t fields = 8 / encoding.getBits();
  SmallVector<int64_t> shape = {
      int64_t(llvm::divideCeil(type.getDimSize(0), kColumnsPerBlock)),
      type.getRank() == 3 ? type.getDimSize(1) : 1,
      int64_t(llvm::divideCeil(type.getShape().back(), kTermsPerDot * fields)),
      ByteDotProduct::kBytes};
  auto packedType = RankedTensorType::get(shape, b.getI8Type());
  Value packed = arith::ConstantOp::create(
      b, makeIntegers(packedType, packCodes(type, shape, bytes, encoding),
                      "packed"));
  Value groups = emitGroups(b, shape, encoding);
  DenseI64ArrayAttr table;
  if (!encoding.getTable().empty())
    table = b.getDenseI64ArrayAttr(encoding.getTable());
  return cpu::UnpackIntegersOp::create(
      b, type, packed, groups, encoding.getBits(), encoding.getOffset(), table);
}

static Value emitSplat(ImplicitLocOpBuilder &b, Type type, int64_t value) {
  auto vector = cast<VectorType>(type);
  unsigned width = vector.getElementTypeBitWidth();
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(vector, APInt(width, value, /*isSigned=*/true,
                                              /*implicitTrunc=*/true)));
}

/// The codes of a field, shifted to their lowest bits.
static Value emitShiftedCodes(ImplicitLocOpBuilder &b, cpu::UnpackIntegersOp op,
                              Value codes, int64_t field) {
  auto type = cast<VectorType>(codes.getType());
  int64_t bits = op.getBits();
  if (bits == 8)
    return codes;
  if (field != 0) {
    // Shifts of bytes become an affine transformation over GF(2) where there is
    // one, which Zen 4 executes where it multiplies.
    auto words = VectorType::get(type.getNumElements() / 2, b.getI16Type());
    Value wide = vector::BitCastOp::create(b, words, codes);
    wide = arith::ShRUIOp::create(b, wide, emitSplat(b, words, field * bits));
    codes = vector::BitCastOp::create(b, type, wide);
  }
  int64_t mask = (int64_t(1) << bits) - 1;
  return arith::AndIOp::create(b, codes, emitSplat(b, type, mask));
}

/// The entries of codes, with `offset` added.
static Value emitEntries(ImplicitLocOpBuilder &b, cpu::UnpackIntegersOp op,
                         Value codes, Value starts, int64_t offset) {
  if (starts)
    codes = arith::OrIOp::create(b, codes, starts);
  SmallVector<int8_t> entries;
  ArrayRef<int64_t> table = *op.getTable();
  for (int64_t entry : table)
    entries.push_back(int8_t(entry + offset));
  auto type = RankedTensorType::get(entries.size(), b.getI8Type());
  return LookupOp::create(b, codes.getType(), codes,
                          DenseElementsAttr::get(type, ArrayRef(entries)));
}

Value emitField(ImplicitLocOpBuilder &b, cpu::UnpackIntegersOp op, Value bytes,
                int64_t field, bool inPlace, Value starts) {
  int64_t bits = op.getBits(), mask = (int64_t(1) << bits) - 1;
  if (inPlace && bits != 8)
    return arith::AndIOp::create(
        b, bytes, emitSplat(b, bytes.getType(), mask << field * bits));
  Value codes = emitShiftedCodes(b, op, bytes, field);
  return op.getTable() ? emitEntries(b, op, codes, starts, 0) : codes;
}

Value emitSignedField(ImplicitLocOpBuilder &b, cpu::UnpackIntegersOp op,
                      Value bytes, int64_t field, Value ofGroups) {
  Value codes = emitShiftedCodes(b, op, bytes, field);
  if (op.getTable())
    return emitEntries(b, op, codes, ofGroups, op.getOffset());
  if (ofGroups)
    codes = arith::AddIOp::create(b, codes, ofGroups);
  if (op.getOffset() == 0)
    return codes;
  return arith::AddIOp::create(b, codes,
                               emitSplat(b, codes.getType(), op.getOffset()));
}

Value emitGroupBytes(ImplicitLocOpBuilder &b, Value ofColumns, int64_t first,
                     int64_t size) {
  SmallVector<int64_t> lanes;
  for (int64_t i = first; i < first + size; ++i)
    lanes.push_back(i / kTermsPerDot);
  return vector::ShuffleOp::create(b, ofColumns, ofColumns, lanes);
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
