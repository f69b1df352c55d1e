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
// Faster, where bytes are looked up in registers (vpermi2b): numbers of which
// f32 has the lower 16 bits 0, whatever their format, are two bytes, each of
// them a table of 128, and the sign of codes of 8 bits is their highest bit. 64
// codes, of four rows, take two look-ups, an operation for the sign, two that
// interleave the bytes, and four that move them to where f32 has them. The
// other way takes four for 16 codes, and on some processors numbers that are
// subnormal in f32 take longer.
//
//===----------------------------------------------------------------------===//

#include "DecodedSource.h"
#include "TableProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"
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

//===----------------------------------------------------------------------===//
// What codes stand for
//===----------------------------------------------------------------------===//

namespace {

/// What the body computes from a code alone.
struct CodeNumbers {
  /// The last operation whose result is such an f32.
  Operation *last;
  /// By code; those that do not occur are empty.
  std::vector<std::optional<float>> byCode;
};

} // namespace

static bool isComputedFrom(Value value, BlockArgument argument) {
  auto arguments = getArgumentsOf(value);
  return arguments && ArrayRef(*arguments) == ArrayRef(argument);
}

/// For codes of up to 8 bits.
static std::optional<CodeNumbers>
findNumbers(Block &body, BlockArgument argument, const ConstantBits &constant) {
  std::bitset<256> occurs;
  for (uint32_t bits : constant.bits)
    occurs.set(bits & 255);
  CodeNumbers numbers{nullptr, std::vector<std::optional<float>>(256)};
  for (Operation &op : body)
    if (op.getNumResults() == 1 && op.getResult(0).getType().isF32() &&
        isComputedFrom(op.getResult(0), argument))
      numbers.last = &op;
  if (!numbers.last)
    return std::nullopt;
  for (unsigned code = 0; code < 256; ++code) {
    if (!occurs[code])
      continue;
    auto number = dyn_cast_or_null<FloatAttr>(
        evaluateBody(numbers.last->getResult(0), [&](BlockArgument) {
          return getElementAttr(constant.elementType, code);
        }));
    if (!number)
      return std::nullopt;
    numbers.byCode[code] = number.getValue().convertToFloat();
  }
  return numbers;
}

void DecodedFactor::simplifyFloats() {
  for (const Source &source : sources) {
    if (source.isFunction() || source.period != 1 || source.width != 0 ||
        source.planes || source.getElementBits() != 8)
      continue;
    std::optional<CodeNumbers> numbers =
        findNumbers(*body, source.argument, *source.constant);
    std::optional<FloatReading> reading =
        numbers ? findReading(numbers->byCode) : std::nullopt;
    if (!reading)
      continue;
    Value number = emitReading(numbers->last, source.argument, *reading);
    Value replaced = numbers->last->getResult(0);
    replaced.replaceAllUsesWith(number);
    if (result == replaced)
      result = number;
  }
}

//===----------------------------------------------------------------------===//
// Numbers that are looked up
//===----------------------------------------------------------------------===//

/// True if nothing reads what is computed from `argument`, but `last`'s result.
static bool isOnlyReader(Operation *last, BlockArgument argument,
                         Value result) {
  SmallVector<Value> values = {argument};
  while (!values.empty()) {
    Value value = values.pop_back_val();
    if (value == result)
      return false;
    for (Operation *user : value.getUsers()) {
      if (user == last)
        continue;
      if (user->getNumResults() != 1 ||
          !isComputedFrom(user->getResult(0), argument))
        return false;
      values.push_back(user->getResult(0));
    }
  }
  return true;
}

static std::optional<BytePlanes>
findPlanes(ArrayRef<std::optional<float>> numbers, bool hasSign) {
  constexpr unsigned kEntries = 128;
  std::vector<std::optional<uint32_t>> entries(kEntries);
  for (unsigned code = 0; code < 256; ++code) {
    if (!numbers[code])
      continue;
    uint32_t bits = llvm::bit_cast<uint32_t>(*numbers[code]);
    if (hasSign)
      bits ^= (code & 0x80) << 24;
    std::optional<uint32_t> &entry = entries[code % kEntries];
    if ((bits & 0xffff) != 0 || (entry && *entry != bits))
      return std::nullopt;
    entry = bits;
  }
  BytePlanes planes;
  planes.hasSign = hasSign;
  for (unsigned code = 0; code < kEntries; ++code) {
    // The same again, so that 64 entries take one register.
    uint32_t bits = entries[code].value_or(entries[code % 64].value_or(0));
    planes.bytes[0].push_back(int8_t(bits >> 16));
    planes.bytes[1].push_back(int8_t(bits >> 24));
  }
  return planes;
}

bool DecodedFactor::choosePlanes(Source &source) {
  if (source.getElementBits() > 8)
    return false;
  std::optional<CodeNumbers> numbers =
      findNumbers(*body, source.argument, *source.constant);
  if (!numbers || !isOnlyReader(numbers->last, source.argument, result))
    return false;
  source.planes = findPlanes(numbers->byCode, /*hasSign=*/false);
  if (!source.planes && source.getElementBits() == 8)
    source.planes = findPlanes(numbers->byCode, /*hasSign=*/true);
  if (!source.planes)
    return false;
  Value replaced = numbers->last->getResult(0);
  source.number = body->addArgument(replaced.getType(), replaced.getLoc());
  replaced.replaceAllUsesWith(source.number);
  if (result == replaced)
    result = source.number;
  return true;
}

static Value emitSplat(ImplicitLocOpBuilder &b, VectorType type,
                       uint32_t value) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(
             type, llvm::APInt(type.getElementTypeBitWidth(), value)));
}

/// One byte of each number.
static Value emitPlane(ImplicitLocOpBuilder &b, Value codes,
                       ArrayRef<int64_t> bytes) {
  auto type = cast<VectorType>(codes.getType());
  auto table = [&](ArrayRef<int64_t> entries) -> Value {
    SmallVector<int8_t> values(entries);
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, ArrayRef(values)));
  };
  int64_t size = type.getNumElements();
  Value low = table(bytes.take_front(size)), high = low;
  if (bytes.take_front(size) != bytes.drop_front(size))
    high = table(bytes.drop_front(size));
  return cpu::LookupBytesOp::create(b, type, codes, low, high, low, high);
}

SmallVector<Value> emitNumbers(ImplicitLocOpBuilder &b,
                               const BytePlanes &planes, Value codes) {
  auto type = cast<VectorType>(codes.getType());
  Value low = emitPlane(b, codes, planes.bytes[0]);
  Value high = emitPlane(b, codes, planes.bytes[1]);
  if (planes.hasSign) {
    Value sign = arith::AndIOp::create(b, codes, emitSplat(b, type, 0x80));
    high = arith::OrIOp::create(b, high, sign);
  }
  auto words = VectorType::get(kColumnsPerBlock, b.getI32Type());
  auto numbers = words.clone(b.getF32Type());
  SmallVector<Value> rows;
  for (bool isHigh : {false, true}) {
    Value pairs = vector::BitCastOp::create(
        b, words, emitInterleaved(b, low, high, /*bytes=*/1, isHigh));
    Value even = arith::ShLIOp::create(b, pairs, emitSplat(b, words, 16));
    Value odd =
        arith::AndIOp::create(b, pairs, emitSplat(b, words, 0xffff0000));
    for (Value row : {even, odd})
      rows.push_back(arith::BitcastOp::create(b, numbers, row));
  }
  return rows;
}

} // namespace mlir::qfmt
