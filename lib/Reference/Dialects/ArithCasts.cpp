// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// arith: conversions between scalar types.

#include "../Frame.h"
#include "../Handlers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/IR/ArithRounding.h"
#include "qfmt/Support/ExactReal.h"
#include "qfmt/Support/Minifloat.h"
#include <cmath>

using namespace mlir;

namespace mlir::qfmt::reference {

static bool extendSignedKernel(const Instruction &i, Scalar *r) {
  r[i.result].integer = signExtend(r[i.operands[0]].integer, i.resultShift);
  return true;
}

static bool extendUnsignedKernel(const Instruction &i, Scalar *r) {
  r[i.result].integer = signExtend(
      zeroExtend(r[i.operands[0]].integer, i.operandShift), i.resultShift);
  return true;
}

static bool truncateKernel(const Instruction &i, Scalar *r) {
  auto flags = static_cast<arith::IntegerOverflowFlags>(i.immediate);
  int64_t value = r[i.operands[0]].integer;
  int64_t result = signExtend(value, i.resultShift);
  r[i.result].integer = result;
  return !(bitEnumContainsAny(flags, arith::IntegerOverflowFlags::nsw) &&
           result != value) &&
         !(bitEnumContainsAny(flags, arith::IntegerOverflowFlags::nuw) &&
           zeroExtend(result, i.resultShift) !=
               zeroExtend(value, i.operandShift));
}

static LogicalResult emitTruncate(Operation *op, unsigned,
                                  Instruction &instruction) {
  auto flags = cast<arith::TruncIOp>(op).getOverflowFlags();
  instruction.immediate = static_cast<int64_t>(flags);
  instruction.undefined = "loses bits although it has nsw or nuw";
  instruction.kernel = flags == arith::IntegerOverflowFlags::none
                           ? extendSignedKernel
                           : truncateKernel;
  return success();
}

/// An integer to a float: one rounding, from all 64 bits.
template <bool isSigned>
static bool integerToFloatKernel(const Instruction &i, Scalar *r) {
  int64_t value = r[i.operands[0]].integer;
  const llvm::fltSemantics &semantics =
      cast<FloatType>(i.resultType).getFloatSemantics();
  // APFloat drops a sign that the type lacks.
  if (isSigned && value < 0 &&
      !llvm::APFloat::semanticsHasSignedRepr(semantics)) {
    r[i.result].real = roundToType(value, cast<FloatType>(i.resultType));
    return true;
  }
  llvm::APFloat result(semantics);
  uint64_t bits = isSigned ? value : zeroExtend(value, i.operandShift);
  result.convertFromAPInt(llvm::APInt(64, bits), isSigned,
                          llvm::APFloat::rmNearestTiesToEven);
  r[i.result].real = result.convertToDouble();
  return true;
}

/// The same where a double holds the integer.
template <bool isSigned, typename Round>
static bool smallIntegerToFloatKernel(const Instruction &i, Scalar *r) {
  int64_t value = r[i.operands[0]].integer;
  double real =
      isSigned ? double(value) : double(zeroExtend(value, i.operandShift));
  r[i.result].real = Round::apply(real, i.resultType);
  return true;
}

template <bool isSigned>
static LogicalResult emitIntegerToFloat(Operation *, unsigned,
                                        Instruction &instruction) {
  Type type = instruction.resultType;
  if (64 - instruction.operandShift > 53)
    instruction.kernel = integerToFloatKernel<isSigned>;
  else
    instruction.kernel =
        type.isF32()   ? smallIntegerToFloatKernel<isSigned, RoundToF32>
        : type.isF64() ? smallIntegerToFloatKernel<isSigned, RoundToF64>
                       : smallIntegerToFloatKernel<isSigned, RoundToAny>;
  return success();
}

/// Rounds toward zero; NaN and values out of range are poison.
template <bool isSigned>
static bool floatToIntegerKernel(const Instruction &i, Scalar *r) {
  unsigned width = 64 - i.resultShift;
  double value = std::trunc(r[i.operands[0]].real);
  double lowest = isSigned ? -std::ldexp(1.0, width - 1) : 0.0;
  double limit = std::ldexp(1.0, isSigned ? width - 1 : width);
  if (!(value >= lowest && value < limit))
    return false;
  uint64_t bits = isSigned ? uint64_t(int64_t(value)) : uint64_t(value);
  r[i.result].integer = signExtend(bits, i.resultShift);
  return true;
}

template <bool isSigned>
static LogicalResult emitFloatToInteger(Operation *, unsigned,
                                        Instruction &instruction) {
  instruction.undefined = "converts a value that its result type cannot hold";
  instruction.kernel = floatToIntegerKernel<isSigned>;
  return success();
}

static bool roundFloatKernel(const Instruction &i, Scalar *r) {
  auto type = cast<FloatType>(i.resultType);
  r[i.result].real = ExactReal::fromDouble(r[i.operands[0]].real)
                         .roundTo(BinaryFormat::of(type.getFloatSemantics()),
                                  static_cast<RoundingMode>(i.immediate))
                         .roundToDouble();
  return true;
}

/// Of floats of less than 16 bits, some of which lack special codes that IEEE
/// 754 asks for.
static bool roundSmallFloatKernel(const Instruction &i, Scalar *r) {
  auto type = cast<FloatType>(i.resultType);
  MinifloatSpec spec = *MinifloatSpec::of(type.getFloatSemantics());
  uint64_t code =
      spec.encode(r[i.operands[0]].real, static_cast<RoundingMode>(i.immediate),
                  OverflowMode::Infinity, NaNMode::Propagate);
  r[i.result].real = spec.decode(code);
  return true;
}

namespace {
struct Identity {
  static double apply(double a) { return a; }
};
} // namespace

static LogicalResult emitRoundFloat(Operation *op, unsigned result,
                                    Instruction &instruction) {
  auto mode = cast<arith::TruncFOp>(op).getRoundingmode();
  if (!mode || *mode == arith::RoundingMode::to_nearest_even)
    return emitFloat<Identity, 1>(op, result, instruction);
  auto type = cast<FloatType>(instruction.resultType);
  bool isIEEE = type.isF16() || type.isBF16() || type.isF32();
  if (!isIEEE && !MinifloatSpec::of(type.getFloatSemantics()))
    return failure();
  instruction.immediate = static_cast<int64_t>(getRounding(*mode));
  instruction.kernel = isIEEE ? roundFloatKernel : roundSmallFloatKernel;
  return success();
}

static bool bitcastKernel(const Instruction &i, Scalar *r) {
  r[i.result] = getElementFromBits(
      getElementBits(r[i.operands[0]], i.operandType), i.resultType);
  return true;
}

void registerArithCastHandlers(HandlerTable &table) {
  table.addScalar<arith::ExtSIOp>(emitKernel<extendSignedKernel>);
  table.addScalar<arith::ExtUIOp>(emitKernel<extendUnsignedKernel>);
  table.addScalar<arith::TruncIOp>(emitTruncate);
  table.addScalar<arith::IndexCastOp>(emitKernel<extendSignedKernel>);
  table.addScalar<arith::IndexCastUIOp>(emitKernel<extendUnsignedKernel>);
  table.addScalar<arith::SIToFPOp>(emitIntegerToFloat<true>);
  table.addScalar<arith::UIToFPOp>(emitIntegerToFloat<false>);
  table.addScalar<arith::FPToSIOp>(emitFloatToInteger<true>);
  table.addScalar<arith::FPToUIOp>(emitFloatToInteger<false>);
  table.addScalar<arith::ExtFOp>(emitFloat<Identity, 1>);
  table.addScalar<arith::TruncFOp>(emitRoundFloat);
  table.addScalar<arith::BitcastOp>(emitKernel<bitcastKernel>);
}

} // namespace mlir::qfmt::reference
