//===- DecodedFloats.cpp - Floats of 8 bits in a decoded factor -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A float of 8 bits with M bits of mantissa, moved to the place that its bits
// have in f32, is that float times a power of two:
//
//   f(code) = bitcast((code << (23 - M)) & mask) 2^e
//
// which takes three operations, subnormal numbers included. Whether f is such a
// function is found out from what the body of a DecodedFactor computes for
// the codes that occur; NaN and infinities do not.
//
//===----------------------------------------------------------------------===//

#include "DecodedSource.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/CodeGen/Products/BodyEvaluation.h"
#include "llvm/ADT/bit.h"
#include <bitset>
#include <cmath>

namespace mlir::qfmt {

namespace {

/// f of the file comment.
struct FloatReading {
  unsigned shift;
  float factor;

  uint32_t getMask() const { return 0x80000000u | (0x7fu << shift); }
  float read(uint8_t code) const {
    uint32_t bits = uint32_t(int32_t(int8_t(code))) << shift;
    return llvm::bit_cast<float>(bits & getMask()) * factor;
  }
};

} // namespace

/// Null if there is none for these numbers, by code; those that do not occur
/// are empty.
static std::optional<FloatReading>
findReading(ArrayRef<std::optional<float>> numbers) {
  for (unsigned mantissa = 1; mantissa <= 5; ++mantissa) {
    FloatReading reading{23 - mantissa, 1};
    for (unsigned code = 0; code < 256; ++code)
      if (numbers[code] && *numbers[code] != 0) {
        reading.factor = 1;
        reading.factor =
            std::abs(*numbers[code]) / std::abs(reading.read(code));
        break;
      }
    int exponent;
    if (!std::isnormal(reading.factor) ||
        std::frexp(reading.factor, &exponent) != 0.5f)
      continue;
    bool isSame = true;
    for (unsigned code = 0; code < 256; ++code)
      isSame &=
          !numbers[code] || llvm::bit_cast<uint32_t>(reading.read(code)) ==
                                llvm::bit_cast<uint32_t>(*numbers[code]);
    if (isSame)
      return reading;
  }
  return std::nullopt;
}

static Value emitReading(Operation *before, Value code,
                         const FloatReading &reading) {
  ImplicitLocOpBuilder b(before->getLoc(), before);
  Type i32 = b.getI32Type();
  auto constant = [&](uint32_t value) -> Value {
    return arith::ConstantOp::create(
        b, b.getIntegerAttr(i32, llvm::APInt(32, value)));
  };
  if (!code.getType().isInteger())
    code = arith::BitcastOp::create(b, b.getI8Type(), code);
  Value bits = arith::ExtSIOp::create(b, i32, code);
  bits = arith::ShLIOp::create(b, bits, constant(reading.shift));
  bits = arith::AndIOp::create(b, bits, constant(reading.getMask()));
  Value number = arith::BitcastOp::create(b, b.getF32Type(), bits);
  Value factor =
      arith::ConstantOp::create(b, b.getF32FloatAttr(reading.factor));
  return arith::MulFOp::create(b, number, factor);
}

void DecodedFactor::simplifyFloats() {
  for (const Source &source : sources) {
    if (source.isFunction() || source.period != 1 || source.width != 0 ||
        source.getElementBits() != 8)
      continue;
    std::bitset<256> occurs;
    for (uint32_t bits : source.constant->bits)
      occurs.set(bits & 255);
    // The last operation that computes f32 from the code alone.
    Operation *last = nullptr;
    for (Operation &op : *body) {
      if (op.getNumResults() != 1 || !op.getResult(0).getType().isF32())
        continue;
      auto arguments = getArgumentsOf(op.getResult(0));
      if (arguments && arguments->size() == 1 &&
          arguments->front() == source.argument)
        last = &op;
    }
    if (!last)
      continue;
    std::vector<std::optional<float>> numbers(256);
    bool isKnown = true;
    for (unsigned code = 0; code < 256 && isKnown; ++code) {
      if (!occurs[code])
        continue;
      auto number = dyn_cast_or_null<FloatAttr>(
          evaluateBody(last->getResult(0), [&](BlockArgument) {
            return getElementAttr(source.constant->elementType, code);
          }));
      isKnown = number != nullptr;
      if (isKnown)
        numbers[code] = number.getValue().convertToFloat();
    }
    std::optional<FloatReading> reading =
        isKnown ? findReading(numbers) : std::nullopt;
    if (!reading)
      continue;
    Value number = emitReading(last, source.argument, *reading);
    last->getResult(0).replaceAllUsesWith(number);
    if (result == last->getResult(0))
      result = number;
  }
}

} // namespace mlir::qfmt
