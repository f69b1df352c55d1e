// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FewBitFragments.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace mlir::qfmt {

static Value shiftRight(KernelBuilder &b, Value word, int64_t bits) {
  return b.createOrFold<arith::ShRUIOp>(word, b.i32(bits));
}

static Value constantBytes(KernelBuilder &b, ArrayRef<uint8_t> bytes) {
  uint32_t word = 0;
  for (auto [i, byte] : llvm::enumerate(bytes))
    word |= uint32_t(byte) << (8 * i);
  return b.i32(int32_t(word));
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// prmt selects one of eight bytes by three bits, so that what the fourth one
/// says is selected afterwards.
Value FewBitFragments::emitLookup(KernelBuilder &b, Value word, int64_t field,
                                  ArrayRef<uint8_t> bytes) const {
  SmallVector<uint8_t> padded(bytes);
  padded.resize(16, 0);
  auto emitEntries = [&](int64_t first) {
    return constantBytes(b, ArrayRef(padded).slice(first, 4));
  };
  Value selector =
      shiftRight(b, b.bitAnd(word, 0x77777777), layout.getBit(field, 0));
  Value low = b.selectBytes(emitEntries(0), emitEntries(4), selector);
  if (bytes.size() <= 8)
    return low;
  Value high = b.selectBytes(emitEntries(8), emitEntries(12), selector);
  Value half = b.bitAnd(shiftRight(b, word, 1), 0x44444444);
  half = b.createOrFold<arith::OrIOp>(half, b.i32(0x32103210));
  return b.selectBytes(low, high, shiftRight(b, half, layout.getBit(field, 0)));
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

Value FewBitFragments::emitBytes(KernelBuilder &b, Value word,
                                 int64_t field) const {
  if (layout.isTable) {
    SmallVector<uint8_t> bytes;
    for (float entry : table)
      bytes.push_back(uint8_t(int(entry)));
    return emitLookup(b, word, field, bytes);
  }
  if (layout.bits == 8)
    return word;
  int64_t shift = 8 - layout.bits * (field + 1);
  Value shifted = b.createOrFold<arith::ShLIOp>(word, b.i32(shift));
  uint32_t mask = 0xFFu << (8 - layout.bits) & 0xFF;
  return b.bitAnd(shifted, int32_t(mask * 0x01010101u));
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

static uint32_t getHalfBits(Type type, double value) {
  APFloat number(value);
  bool losesInfo;
  number.convert(cast<FloatType>(type).getFloatSemantics(),
                 APFloat::rmNearestTiesToEven, &losesInfo);
  return uint32_t(number.bitcastToAPInt().getZExtValue());
}

Value FewBitFragments::emitFloats(KernelBuilder &b, Value word, int64_t field,
                                  int64_t pair) const {
  double magic = type.isF16() ? 1024 : 128;
  auto vectorType = VectorType::get(2, type);
  auto emitPair = [&](double value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(vectorType,
                                  Attribute(b.getFloatAttr(type, value))));
  };
  uint32_t mask = (1u << layout.bits) - 1;
  Value codes = b.bitAnd(shiftRight(b, word, 8 * pair + layout.bits * field),
                         int64_t(mask << 16 | mask));
  uint32_t magicBits = getHalfBits(type, magic);
  Value bits = b.createOrFold<arith::OrIOp>(
      codes, b.i32(int32_t(magicBits << 16 | magicBits)));
  Value numbers = LLVM::BitcastOp::create(b, vectorType, bits);
  // Exact, and an instruction that all chips have.
  numbers =
      LLVM::FMAOp::create(b, numbers, emitPair(1),
                          emitPair(-magic - double(1 << (layout.bits - 1))));
  return LLVM::BitcastOp::create(b, b.getI32Type(), numbers);
}

SmallVector<Value> FewBitFragments::emitFloatLookup(KernelBuilder &b,
                                                    Value word,
                                                    int64_t field) const {
  SmallVector<uint8_t> low, high;
  for (float entry : table) {
    uint32_t bits = getHalfBits(type, entry);
    low.push_back(uint8_t(bits));
    high.push_back(uint8_t(bits >> 8));
  }
  bool hasLow = llvm::any_of(low, [](uint8_t byte) { return byte != 0; });
  Value lows = hasLow ? emitLookup(b, word, field, low) : b.i32(0);
  Value highs = emitLookup(b, word, field, high);
  return {b.selectBytes(lows, highs, 0x5140),
          b.selectBytes(lows, highs, 0x7362)};
}

SmallVector<Value> FewBitFragments::emit(KernelBuilder &b, Value word,
                                         int64_t field) const {
  if (!layout.hasFloats)
    return {emitBytes(b, word, field)};
  if (layout.isTable)
    return emitFloatLookup(b, word, field);
  return {emitFloats(b, word, field, 0), emitFloats(b, word, field, 1)};
}

} // namespace mlir::qfmt
