// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// arith: constants and operations on scalars. Casts: ArithCasts.cpp.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "../Frame.h"
#include "../Handlers.h"
#include <cmath>

using namespace mlir;

namespace mlir::qfmt::reference {

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

static LogicalResult evaluateConstant(arith::ConstantOp op, Frame &frame) {
  Attribute value = op.getValue();
  if (!isa<ElementsAttr>(value) && !isSupportedElementType(op.getType()))
    return op.emitOpError() << "has no reference semantics on " << op.getType();
  if (auto real = dyn_cast<FloatAttr>(value))
    return frame.set(op.getResult(), makeReal(real.getValueAsDouble())),
           success();
  if (auto integer = dyn_cast<IntegerAttr>(value))
    return frame.set(op.getResult(),
                     makeInteger(integer.getValue().getSExtValue())),
           success();
  FailureOr<Tensor> tensor = Tensor::fromAttribute(
      cast<ElementsAttr>(value), [&] { return op.emitOpError(); });
  if (failed(tensor))
    return failure();
  frame.set(op.getResult(), std::move(*tensor));
  return success();
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

namespace {
struct Add {
  template <typename T>
  static T apply(T a, T b) {
    return a + b;
  }
};
struct Sub {
  template <typename T>
  static T apply(T a, T b) {
    return a - b;
  }
};
struct Mul {
  template <typename T>
  static T apply(T a, T b) {
    return a * b;
  }
};
/// Modulo 2^64: what signed arithmetic wraps to.
template <typename Fn>
struct Wrapping {
  static int64_t apply(uint64_t a, uint64_t b) { return Fn::apply(a, b); }
};

struct And {
  static int64_t apply(int64_t a, int64_t b) { return a & b; }
};
struct Or {
  static int64_t apply(int64_t a, int64_t b) { return a | b; }
};
struct XOr {
  static int64_t apply(int64_t a, int64_t b) { return a ^ b; }
};
struct Max {
  template <typename T>
  static T apply(T a, T b) {
    return a > b ? a : b;
  }
};
struct Min {
  template <typename T>
  static T apply(T a, T b) {
    return a < b ? a : b;
  }
};
} // namespace

/// Add, subtract or multiply exactly (128 bits), then see whether the result
/// keeps what nsw and nuw promise.
template <typename Fn>
static bool flaggedKernel(const Instruction &i, Scalar *r) {
  auto flags = static_cast<arith::IntegerOverflowFlags>(i.immediate);
  int64_t a = r[i.operands[0]].integer, b = r[i.operands[1]].integer;
  __int128 exact = Fn::template apply<__int128>(a, b);
  int64_t wrapped = signExtend(static_cast<uint64_t>(exact), i.resultShift);
  r[i.result].integer = wrapped;
  if (bitEnumContainsAny(flags, arith::IntegerOverflowFlags::nsw) &&
      exact != wrapped)
    return false;
  using Unsigned = unsigned __int128;
  Unsigned unsignedExact = Fn::template apply<Unsigned>(
      zeroExtend(a, i.resultShift), zeroExtend(b, i.resultShift));
  return !bitEnumContainsAny(flags, arith::IntegerOverflowFlags::nuw) ||
         unsignedExact == zeroExtend(wrapped, i.resultShift);
}

template <typename OpT, typename Fn>
static LogicalResult emitWithFlags(Operation *op, unsigned,
                                   Instruction &instruction) {
  auto flags = cast<OpT>(op).getOverflowFlags();
  instruction.immediate = static_cast<int64_t>(flags);
  instruction.undefined = "overflows although it has nsw or nuw";
  instruction.kernel = flags == arith::IntegerOverflowFlags::none
                           ? integerBinaryKernel<Wrapping<Fn>>
                           : flaggedKernel<Fn>;
  return success();
}

static bool shiftLeftKernel(const Instruction &i, Scalar *r) {
  auto flags = static_cast<arith::IntegerOverflowFlags>(i.immediate);
  uint64_t amount = zeroExtend(r[i.operands[1]].integer, i.operandShift);
  if (amount >= 64 - i.resultShift)
    return false;
  int64_t value = r[i.operands[0]].integer;
  int64_t result = signExtend(uint64_t(value) << amount, i.resultShift);
  r[i.result].integer = result;
  bool wrapsSigned = result >> amount != value;
  bool wrapsUnsigned = zeroExtend(result, i.resultShift) >> amount !=
                       zeroExtend(value, i.resultShift);
  return !(bitEnumContainsAny(flags, arith::IntegerOverflowFlags::nsw) &&
           wrapsSigned) &&
         !(bitEnumContainsAny(flags, arith::IntegerOverflowFlags::nuw) &&
           wrapsUnsigned);
}

static LogicalResult emitShiftLeft(Operation *op, unsigned,
                                   Instruction &instruction) {
  instruction.immediate =
      static_cast<int64_t>(cast<arith::ShLIOp>(op).getOverflowFlags());
  instruction.undefined = "shifts by its width or more, or overflows although "
                          "it has nsw or nuw";
  instruction.kernel = shiftLeftKernel;
  return success();
}

/// Shifts right; `immediate` is true if bits that are shifted out must be 0.
template <bool isSigned>
static bool shiftRightKernel(const Instruction &i, Scalar *r) {
  uint64_t amount = zeroExtend(r[i.operands[1]].integer, i.operandShift);
  if (amount >= 64 - i.resultShift)
    return false;
  int64_t value = r[i.operands[0]].integer;
  r[i.result].integer =
      isSigned ? value >> amount
               : signExtend(zeroExtend(value, i.operandShift) >> amount,
                            i.resultShift);
  return !i.immediate || int64_t(uint64_t(value >> amount) << amount) == value;
}

template <typename OpT, bool isSigned>
static LogicalResult emitShiftRight(Operation *op, unsigned,
                                    Instruction &instruction) {
  instruction.immediate = cast<OpT>(op).getIsExact();
  instruction.undefined =
      "shifts by its width or more, or out of bits although it is exact";
  instruction.kernel = shiftRightKernel<isSigned>;
  return success();
}

namespace {
enum class Quotient { Truncated, Floor, Ceil, Remainder };
} // namespace

/// Division and remainder of 64-bit numbers whose quotient can be held.
template <Quotient kind, typename T>
static T divide(T a, T b) {
  T quotient = a / b, remainder = a % b;
  bool isNegative = (remainder < 0) != (b < 0);
  switch (kind) {
  case Quotient::Truncated:
    return quotient;
  case Quotient::Floor:
    return remainder != 0 && isNegative ? quotient - 1 : quotient;
  case Quotient::Ceil:
    return remainder != 0 && !isNegative ? quotient + 1 : quotient;
  case Quotient::Remainder:
    return remainder;
  }
}

template <Quotient kind>
static bool divideSignedKernel(const Instruction &i, Scalar *r) {
  int64_t a = r[i.operands[0]].integer, b = r[i.operands[1]].integer;
  int64_t lowest =
      signExtend(uint64_t(1) << (63 - i.resultShift), i.resultShift);
  if (b == 0 || (a == lowest && b == -1))
    return false;
  r[i.result].integer = divide<kind>(a, b);
  return !i.immediate || a % b == 0;
}

template <Quotient kind>
static bool divideUnsignedKernel(const Instruction &i, Scalar *r) {
  uint64_t a = zeroExtend(r[i.operands[0]].integer, i.operandShift);
  uint64_t b = zeroExtend(r[i.operands[1]].integer, i.operandShift);
  if (b == 0)
    return false;
  r[i.result].integer = signExtend(divide<kind>(a, b), i.resultShift);
  return !i.immediate || a % b == 0;
}

template <Instruction::Kernel kernel>
static LogicalResult emitDivision(Operation *op, unsigned,
                                  Instruction &instruction) {
  if (auto exact = op->getAttrOfType<UnitAttr>("isExact"))
    instruction.immediate = 1;
  instruction.undefined =
      "divides by zero, overflows, or leaves a remainder although it is exact";
  instruction.kernel = kernel;
  return success();
}

/// The results of the extended operations: low part and high part or carry.
template <bool isSigned>
static bool multiplyHighKernel(const Instruction &i, Scalar *r) {
  int64_t a = r[i.operands[0]].integer, b = r[i.operands[1]].integer;
  unsigned width = 64 - i.resultShift;
  uint64_t high =
      isSigned ? uint64_t(__int128(a) * b >> width)
               : uint64_t((unsigned __int128)(zeroExtend(a, i.operandShift)) *
                              zeroExtend(b, i.operandShift) >>
                          width);
  r[i.result].integer = signExtend(high, i.resultShift);
  return true;
}

template <bool isSigned>
static LogicalResult emitMultiplyExtended(Operation *, unsigned result,
                                          Instruction &instruction) {
  instruction.kernel = result == 0 ? integerBinaryKernel<Wrapping<Mul>>
                                   : multiplyHighKernel<isSigned>;
  return success();
}

static bool carryKernel(const Instruction &i, Scalar *r) {
  uint64_t a = zeroExtend(r[i.operands[0]].integer, i.operandShift);
  uint64_t sum =
      zeroExtend(a + uint64_t(r[i.operands[1]].integer), i.operandShift);
  r[i.result] = makeBool(sum < a);
  return true;
}

static LogicalResult emitAddExtended(Operation *, unsigned result,
                                     Instruction &instruction) {
  instruction.kernel =
      result == 0 ? integerBinaryKernel<Wrapping<Add>> : carryKernel;
  return success();
}

static bool compareIntegers(arith::CmpIPredicate predicate, int64_t a,
                            int64_t b, uint64_t ua, uint64_t ub) {
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return a == b;
  case arith::CmpIPredicate::ne:
    return a != b;
  case arith::CmpIPredicate::slt:
    return a < b;
  case arith::CmpIPredicate::sle:
    return a <= b;
  case arith::CmpIPredicate::sgt:
    return a > b;
  case arith::CmpIPredicate::sge:
    return a >= b;
  case arith::CmpIPredicate::ult:
    return ua < ub;
  case arith::CmpIPredicate::ule:
    return ua <= ub;
  case arith::CmpIPredicate::ugt:
    return ua > ub;
  case arith::CmpIPredicate::uge:
    return ua >= ub;
  }
}

static bool compareIntegersKernel(const Instruction &i, Scalar *r) {
  int64_t a = r[i.operands[0]].integer, b = r[i.operands[1]].integer;
  r[i.result] = makeBool(compareIntegers(
      static_cast<arith::CmpIPredicate>(i.immediate), a, b,
      zeroExtend(a, i.operandShift), zeroExtend(b, i.operandShift)));
  return true;
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

double minimum(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return std::nan("");
  if (a == b)
    return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

double maximum(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return std::nan("");
  if (a == b)
    return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

namespace {
struct DivF {
  static double apply(double a, double b) { return a / b; }
};
struct NegF {
  static double apply(double a) { return -a; }
};
/// The other operand if one is NaN; -0 below +0, which MLIR leaves open.
struct MinNum {
  static double apply(double a, double b) {
    return std::isnan(a) ? b : std::isnan(b) ? a : minimum(a, b);
  }
};
struct MaxNum {
  static double apply(double a, double b) {
    return std::isnan(a) ? b : std::isnan(b) ? a : maximum(a, b);
  }
};
/// Add, Sub, Mul on doubles.
template <typename Fn>
struct Real {
  static double apply(double a, double b) { return Fn::apply(a, b); }
};
} // namespace

static bool compareFloats(arith::CmpFPredicate predicate, double a, double b) {
  bool isUnordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case arith::CmpFPredicate::AlwaysFalse:
    return false;
  case arith::CmpFPredicate::OEQ:
    return !isUnordered && a == b;
  case arith::CmpFPredicate::OGT:
    return a > b;
  case arith::CmpFPredicate::OGE:
    return a >= b;
  case arith::CmpFPredicate::OLT:
    return a < b;
  case arith::CmpFPredicate::OLE:
    return a <= b;
  case arith::CmpFPredicate::ONE:
    return !isUnordered && a != b;
  case arith::CmpFPredicate::ORD:
    return !isUnordered;
  case arith::CmpFPredicate::UEQ:
    return isUnordered || a == b;
  case arith::CmpFPredicate::UGT:
    return isUnordered || a > b;
  case arith::CmpFPredicate::UGE:
    return isUnordered || a >= b;
  case arith::CmpFPredicate::ULT:
    return isUnordered || a < b;
  case arith::CmpFPredicate::ULE:
    return isUnordered || a <= b;
  case arith::CmpFPredicate::UNE:
    return isUnordered || a != b;
  case arith::CmpFPredicate::UNO:
    return isUnordered;
  case arith::CmpFPredicate::AlwaysTrue:
    return true;
  }
}

static bool compareFloatsKernel(const Instruction &i, Scalar *r) {
  r[i.result] =
      makeBool(compareFloats(static_cast<arith::CmpFPredicate>(i.immediate),
                             r[i.operands[0]].real, r[i.operands[1]].real));
  return true;
}

template <typename OpT, Instruction::Kernel kernel>
static LogicalResult emitCompare(Operation *op, unsigned,
                                 Instruction &instruction) {
  instruction.immediate = static_cast<int64_t>(cast<OpT>(op).getPredicate());
  instruction.kernel = kernel;
  return success();
}

static bool selectKernel(const Instruction &i, Scalar *r) {
  r[i.result] = r[i.operands[r[i.operands[0]].integer ? 1 : 2]];
  return true;
}

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

static void registerIntegers(HandlerTable &table) {
  table.addScalar<arith::AddIOp>(emitWithFlags<arith::AddIOp, Add>);
  table.addScalar<arith::SubIOp>(emitWithFlags<arith::SubIOp, Sub>);
  table.addScalar<arith::MulIOp>(emitWithFlags<arith::MulIOp, Mul>);
  table.addScalar<arith::AddUIExtendedOp>(emitAddExtended);
  table.addScalar<arith::MulSIExtendedOp>(emitMultiplyExtended<true>);
  table.addScalar<arith::MulUIExtendedOp>(emitMultiplyExtended<false>);
  table.addScalar<arith::AndIOp>(emitKernel<integerBinaryKernel<And>>);
  table.addScalar<arith::OrIOp>(emitKernel<integerBinaryKernel<Or>>);
  table.addScalar<arith::XOrIOp>(emitKernel<integerBinaryKernel<XOr>>);
  table.addScalar<arith::MaxSIOp>(emitKernel<integerBinaryKernel<Max>>);
  table.addScalar<arith::MinSIOp>(emitKernel<integerBinaryKernel<Min>>);
  table.addScalar<arith::MaxUIOp>(emitKernel<unsignedBinaryKernel<Max>>);
  table.addScalar<arith::MinUIOp>(emitKernel<unsignedBinaryKernel<Min>>);
  table.addScalar<arith::ShLIOp>(emitShiftLeft);
  table.addScalar<arith::ShRSIOp>(emitShiftRight<arith::ShRSIOp, true>);
  table.addScalar<arith::ShRUIOp>(emitShiftRight<arith::ShRUIOp, false>);
  table.addScalar<arith::DivSIOp>(
      emitDivision<divideSignedKernel<Quotient::Truncated>>);
  table.addScalar<arith::FloorDivSIOp>(
      emitDivision<divideSignedKernel<Quotient::Floor>>);
  table.addScalar<arith::CeilDivSIOp>(
      emitDivision<divideSignedKernel<Quotient::Ceil>>);
  table.addScalar<arith::RemSIOp>(
      emitDivision<divideSignedKernel<Quotient::Remainder>>);
  table.addScalar<arith::DivUIOp>(
      emitDivision<divideUnsignedKernel<Quotient::Truncated>>);
  table.addScalar<arith::CeilDivUIOp>(
      emitDivision<divideUnsignedKernel<Quotient::Ceil>>);
  table.addScalar<arith::RemUIOp>(
      emitDivision<divideUnsignedKernel<Quotient::Remainder>>);
  table.addScalar<arith::CmpIOp>(
      emitCompare<arith::CmpIOp, compareIntegersKernel>);
}

static void registerFloats(HandlerTable &table) {
  table.addScalar<arith::AddFOp>(emitFloat<Real<Add>, 2>);
  table.addScalar<arith::SubFOp>(emitFloat<Real<Sub>, 2>);
  table.addScalar<arith::MulFOp>(emitFloat<Real<Mul>, 2>);
  table.addScalar<arith::DivFOp>(emitFloat<DivF, 2>);
  table.addScalar<arith::RemFOp>(emitFloat<BinaryCall<std::fmod>, 2>);
  table.addScalar<arith::NegFOp>(emitFloat<NegF, 1>);
  table.addScalar<arith::MinimumFOp>(emitFloat<BinaryCall<minimum>, 2>);
  table.addScalar<arith::MaximumFOp>(emitFloat<BinaryCall<maximum>, 2>);
  table.addScalar<arith::MinNumFOp>(emitFloat<MinNum, 2>);
  table.addScalar<arith::MaxNumFOp>(emitFloat<MaxNum, 2>);
  table.addScalar<arith::CmpFOp>(
      emitCompare<arith::CmpFOp, compareFloatsKernel>);
  table.addScalar<arith::SelectOp>(emitKernel<selectKernel>);
}

void registerArithHandlers(HandlerTable &table) {
  table.add<arith::ConstantOp, evaluateConstant>();
  registerIntegers(table);
  registerFloats(table);
}

} // namespace mlir::qfmt::reference
