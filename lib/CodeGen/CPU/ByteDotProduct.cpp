// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ByteDotProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"

namespace mlir::qfmt {

/// One row of the table in the header.
struct ByteDotProduct::Shape {
  int64_t lanes;
  int64_t partialSums;
  /// Bits of each factor when it is multiplied.
  unsigned factorBits;
};

ByteDotProduct::Shape ByteDotProduct::getShape() const {
  if (usesPairs)
    return {instructions == DotInstructions::Madd512 ? 16 : 8, 1, 8};
  switch (instructions) {
  case DotInstructions::Vnni512:
    return {16, 1, 8};
  case DotInstructions::Vnni256:
    return {8, 1, 8};
  case DotInstructions::Madd512:
    return {16, 2, 16};
  case DotInstructions::Madd256:
    return {8, 2, 16};
  case DotInstructions::Madd128:
    return {4, 2, 16};
  case DotInstructions::Usdot:
  case DotInstructions::Sdot:
    return {4, 1, 8};
  case DotInstructions::Auto:
  case DotInstructions::Amx:
  case DotInstructions::Plain:
    break;
  }
  return {16, 4, 32};
}

ByteDotProduct::ByteDotProduct(const CpuTarget &target, CodeReading reading,
                               bool hasNarrowPairs)
    : instructions(target.instructions), reading(reading),
      usesPairs(hasNarrowPairs && target.profitsFromNarrowPairs()),
      isReadable(reading.offset ==
                 target.getReadingOffset(reading.isUnsigned, hasNarrowPairs)) {}

/// An offset, +128 for signed codes or -128 for unsigned ones, flips both the
/// highest bit and the sign.
static bool isReadSigned(CodeReading reading) {
  return reading.isUnsigned == (reading.offset != 0);
}

int64_t ByteDotProduct::getGroupBytes() const {
  Shape shape = getShape();
  return shape.lanes / shape.partialSums * kTermsPerDot;
}

VectorType ByteDotProduct::getAccumulatorType(MLIRContext *context) const {
  return VectorType::get(getShape().lanes, IntegerType::get(context, 32));
}

int64_t ByteDotProduct::getRegistersPerAccumulator() const {
  // 128 bits are what every target has.
  return instructions == DotInstructions::Plain ? 4 : 1;
}

int64_t ByteDotProduct::getNumTemporaries() const {
  // LLVM 22 loads several values ahead where they have to be flipped on
  // AArch64, and spills accumulators if there are no registers for them.
  if (instructions == DotInstructions::Sdot && reading.offset != 0)
    return 6;
  // Among them sums of two products, and ones.
  return usesPairs ? 4 : 2;
}

static VectorType getVector(OpBuilder &b, int64_t lanes, unsigned bits) {
  return VectorType::get(lanes, b.getIntegerType(bits));
}

Value ByteDotProduct::emitLeft(ImplicitLocOpBuilder &b, Value bytes) const {
  Value four = vector::BitCastOp::create(b, getVector(b, 1, 32), bytes);
  Value word = vector::ExtractOp::create(b, four, 0);
  auto wordType = getVector(b, getGroupBytes() / kTermsPerDot, 32);
  return emitCodes(b, vector::BroadcastOp::create(b, wordType, word));
}

Value ByteDotProduct::emitCodes(ImplicitLocOpBuilder &b, Value words) const {
  Shape shape = getShape();
  if (reading.offset != 0) {
    Value signs = arith::ConstantOp::create(
        b, DenseElementsAttr::get(cast<ShapedType>(words.getType()),
                                  APInt(32, 0x80808080u)));
    words = arith::XOrIOp::create(b, words, signs);
  }
  int64_t size = getGroupBytes();
  Value codes = vector::BitCastOp::create(b, getVector(b, size, 8), words);
  if (shape.factorBits == 8)
    return codes;
  auto wide = getVector(b, size, shape.factorBits);
  if (reading.isUnsigned)
    return arith::ExtUIOp::create(b, wide, codes);
  return arith::ExtSIOp::create(b, wide, codes);
}

Value ByteDotProduct::emitRight(ImplicitLocOpBuilder &b, Value bytes) const {
  Shape shape = getShape();
  if (shape.factorBits == 8)
    return bytes;
  return arith::ExtSIOp::create(
      b, getVector(b, getGroupBytes(), shape.factorBits), bytes);
}

Value ByteDotProduct::emitDot(ImplicitLocOpBuilder &b, Value accumulator,
                              Value left, Value right) const {
  unsigned bits = getShape().factorBits;
  if (bits < 32)
    return cpu::DotOp::create(b, accumulator, left, right,
                              bits == 8 && isReadSigned(reading), usesPairs);
  Value products = arith::MulIOp::create(b, left, right);
  return arith::AddIOp::create(b, accumulator, products);
}

bool ByteDotProduct::readsUnsignedRight() const {
  return instructions != DotInstructions::Sdot && !usesPairs;
}

Value ByteDotProduct::emitUnsignedRight(ImplicitLocOpBuilder &b,
                                        Value bytes) const {
  Shape shape = getShape();
  if (shape.factorBits == 8)
    return bytes;
  return arith::ExtUIOp::create(
      b, getVector(b, getGroupBytes(), shape.factorBits), bytes);
}

Value ByteDotProduct::emitDotOfUnsignedRight(ImplicitLocOpBuilder &b,
                                             Value accumulator, Value left,
                                             Value right) const {
  if (getShape().factorBits == 8)
    return cpu::DotOp::create(b, accumulator, right, left,
                              /*isLhsSigned=*/false);
  return emitDot(b, accumulator, left, right);
}

int64_t ByteDotProduct::getNumPartialSums() const {
  return getShape().partialSums;
}

/// The sums of neighbouring lanes of `low`, then those of `high`.
static Value emitPairSums(ImplicitLocOpBuilder &b, Value low, Value high) {
  int64_t lanes = cast<VectorType>(low.getType()).getNumElements();
  SmallVector<int64_t> even, odd;
  for (int64_t i = 0; i < lanes; ++i) {
    even.push_back(2 * i);
    odd.push_back(2 * i + 1);
  }
  return arith::AddIOp::create(b, vector::ShuffleOp::create(b, low, high, even),
                               vector::ShuffleOp::create(b, low, high, odd));
}

static Value emitConcatenation(ImplicitLocOpBuilder &b, Value low, Value high) {
  int64_t lanes = cast<VectorType>(low.getType()).getNumElements();
  return vector::ShuffleOp::create(
      b, low, high, llvm::to_vector(llvm::seq<int64_t>(0, 2 * lanes)));
}

Value ByteDotProduct::emitSums(ImplicitLocOpBuilder &b,
                               ArrayRef<Value> accumulators) const {
  SmallVector<Value> vectors(accumulators);
  for (int64_t sums = getShape().partialSums; sums > 1; sums /= 2) {
    SmallVector<Value> halves;
    for (size_t i = 0; i < vectors.size(); i += 2)
      halves.push_back(emitPairSums(b, vectors[i], vectors[i + 1]));
    vectors = halves;
  }
  while (vectors.size() > 1) {
    SmallVector<Value> pairs;
    for (size_t i = 0; i < vectors.size(); i += 2)
      pairs.push_back(emitConcatenation(b, vectors[i], vectors[i + 1]));
    vectors = pairs;
  }
  return vectors.front();
}

Value emitLoadBytes(ImplicitLocOpBuilder &b, Value tensor, ValueRange indices,
                    int64_t size) {
  auto type = VectorType::get(size, b.getI8Type());
  Value zero = arith::ConstantOp::create(b, b.getI8IntegerAttr(0));
  return vector::TransferReadOp::create(b, type, tensor, indices, zero,
                                        ArrayRef(true));
}

} // namespace mlir::qfmt
