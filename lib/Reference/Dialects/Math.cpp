// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// math: the C library's double functions, rounded once to the type; fma and the
// exact functions are correctly rounded.

#include "mlir/Dialect/Math/IR/Math.h"
#include "../Handlers.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"
#include <cmath>

using namespace mlir;

namespace mlir::qfmt::reference {

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

static double rsqrt(double x) { return 1.0 / std::sqrt(x); }

namespace {
struct Clamp {
  static double apply(double x, double low, double high) {
    return minimum(maximum(x, low), high);
  }
};
} // namespace

/// a * b + c, rounded once.
static bool fmaKernel(const Instruction &i, Scalar *r) {
  const llvm::fltSemantics &semantics =
      cast<FloatType>(i.resultType).getFloatSemantics();
  auto get = [&](unsigned operand) {
    llvm::APFloat value(r[i.operands[operand]].real);
    bool losesInfo;
    value.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return value;
  };
  llvm::APFloat result = get(0);
  result.fusedMultiplyAdd(get(1), get(2), llvm::APFloat::rmNearestTiesToEven);
  r[i.result].real = result.convertToDouble();
  return true;
}

static bool fmaF32Kernel(const Instruction &i, Scalar *r) {
  r[i.result].real = std::fmaf(r[i.operands[0]].real, r[i.operands[1]].real,
                               r[i.operands[2]].real);
  return true;
}

static bool fmaF64Kernel(const Instruction &i, Scalar *r) {
  r[i.result].real = std::fma(r[i.operands[0]].real, r[i.operands[1]].real,
                              r[i.operands[2]].real);
  return true;
}

static LogicalResult emitFma(Operation *, unsigned, Instruction &instruction) {
  Type type = instruction.resultType;
  instruction.kernel = type.isF32()   ? fmaF32Kernel
                       : type.isF64() ? fmaF64Kernel
                                      : fmaKernel;
  return success();
}

static bool powerKernel(const Instruction &i, Scalar *r) {
  double power =
      std::pow(r[i.operands[0]].real, double(r[i.operands[1]].integer));
  r[i.result].real = roundToType(power, cast<FloatType>(i.resultType));
  return true;
}

template <bool (*classify)(double)>
static bool classifyKernel(const Instruction &i, Scalar *r) {
  r[i.result] = makeBool(classify(r[i.operands[0]].real));
  return true;
}

static bool isNaN(double x) { return std::isnan(x); }
static bool isInfinite(double x) { return std::isinf(x); }
static bool isFinite(double x) { return std::isfinite(x); }

/// Normal in the operand's type, not in double.
static bool isNormalKernel(const Instruction &i, Scalar *r) {
  const llvm::fltSemantics &semantics =
      cast<FloatType>(i.operandType).getFloatSemantics();
  double magnitude = std::fabs(r[i.operands[0]].real);
  r[i.result] = makeBool(
      std::isfinite(magnitude) &&
      magnitude >=
          std::ldexp(1.0, llvm::APFloat::semanticsMinExponent(semantics)));
  return true;
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

namespace {
struct Absolute {
  static int64_t apply(int64_t x, unsigned) {
    return x < 0 ? -uint64_t(x) : uint64_t(x);
  }
};
struct LeadingZeros {
  static int64_t apply(int64_t x, unsigned shift) {
    uint64_t bits = zeroExtend(x, shift);
    return llvm::countl_zero(bits) - int64_t(shift);
  }
};
struct TrailingZeros {
  static int64_t apply(int64_t x, unsigned shift) {
    uint64_t bits = zeroExtend(x, shift);
    return bits ? llvm::countr_zero(bits) : 64 - int64_t(shift);
  }
};
struct PopulationCount {
  static int64_t apply(int64_t x, unsigned shift) {
    return llvm::popcount(zeroExtend(x, shift));
  }
};
} // namespace

/// Powers wrap; negative exponents round toward zero, and 0 to a negative power
/// divides by zero.
static bool integerPowerKernel(const Instruction &i, Scalar *r) {
  int64_t base = r[i.operands[0]].integer, power = r[i.operands[1]].integer;
  if (power < 0 && base == 0)
    return false;
  bool isOdd = power & 1;
  if (power < 0 || base == 1 || base == -1) {
    bool isUnit = base == 1 || base == -1;
    r[i.result].integer = isUnit ? (isOdd ? base : 1) : 0;
    return true;
  }
  uint64_t result = 1, square = base;
  for (; power; power >>= 1, square *= square)
    if (power & 1)
      result *= square;
  r[i.result].integer = signExtend(result, i.resultShift);
  return true;
}

static LogicalResult emitIntegerPower(Operation *, unsigned,
                                      Instruction &instruction) {
  instruction.undefined = "raises 0 to a negative power";
  instruction.kernel = integerPowerKernel;
  return success();
}

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

template <typename OpT, double (*fn)(double)>
static void addUnary(HandlerTable &table) {
  table.addScalar<OpT>(emitFloat<UnaryCall<fn>, 1>);
}
template <typename OpT, double (*fn)(double, double)>
static void addBinary(HandlerTable &table) {
  table.addScalar<OpT>(emitFloat<BinaryCall<fn>, 2>);
}

static void registerFloats(HandlerTable &table) {
  addUnary<math::AbsFOp, std::fabs>(table);
  addUnary<math::AcosOp, std::acos>(table);
  addUnary<math::AcoshOp, std::acosh>(table);
  addUnary<math::AsinOp, std::asin>(table);
  addUnary<math::AsinhOp, std::asinh>(table);
  addUnary<math::AtanOp, std::atan>(table);
  addUnary<math::AtanhOp, std::atanh>(table);
  addUnary<math::CbrtOp, std::cbrt>(table);
  addUnary<math::CeilOp, std::ceil>(table);
  addUnary<math::CosOp, std::cos>(table);
  addUnary<math::CoshOp, std::cosh>(table);
  addUnary<math::ErfOp, std::erf>(table);
  addUnary<math::ErfcOp, std::erfc>(table);
  addUnary<math::ExpOp, std::exp>(table);
  addUnary<math::Exp2Op, std::exp2>(table);
  addUnary<math::ExpM1Op, std::expm1>(table);
  addUnary<math::FloorOp, std::floor>(table);
  addUnary<math::LogOp, std::log>(table);
  addUnary<math::Log10Op, std::log10>(table);
  addUnary<math::Log1pOp, std::log1p>(table);
  addUnary<math::Log2Op, std::log2>(table);
  // The rounding mode of the process is never changed: half to even.
  addUnary<math::RoundEvenOp, std::nearbyint>(table);
  addUnary<math::RoundOp, std::round>(table);
  addUnary<math::RsqrtOp, rsqrt>(table);
  addUnary<math::SinOp, std::sin>(table);
  addUnary<math::SinhOp, std::sinh>(table);
  addUnary<math::SqrtOp, std::sqrt>(table);
  addUnary<math::TanOp, std::tan>(table);
  addUnary<math::TanhOp, std::tanh>(table);
  addUnary<math::TruncOp, std::trunc>(table);
  addBinary<math::Atan2Op, std::atan2>(table);
  addBinary<math::CopySignOp, std::copysign>(table);
  addBinary<math::PowFOp, std::pow>(table);
  table.addScalar<math::ClampFOp>(emitFloat<Clamp, 3>);
  table.addScalar<math::FmaOp>(emitFma);
  table.addScalar<math::FPowIOp>(emitKernel<powerKernel>);
  table.addScalar<math::IsFiniteOp>(emitKernel<classifyKernel<isFinite>>);
  table.addScalar<math::IsInfOp>(emitKernel<classifyKernel<isInfinite>>);
  table.addScalar<math::IsNaNOp>(emitKernel<classifyKernel<isNaN>>);
  table.addScalar<math::IsNormalOp>(emitKernel<isNormalKernel>);
}

void registerMathHandlers(HandlerTable &table) {
  registerFloats(table);
  table.addScalar<math::AbsIOp>(emitKernel<integerUnaryKernel<Absolute>>);
  table.addScalar<math::CountLeadingZerosOp>(
      emitKernel<integerUnaryKernel<LeadingZeros>>);
  table.addScalar<math::CountTrailingZerosOp>(
      emitKernel<integerUnaryKernel<TrailingZeros>>);
  table.addScalar<math::CtPopOp>(
      emitKernel<integerUnaryKernel<PopulationCount>>);
  table.addScalar<math::IPowIOp>(emitIntegerPower);
}

} // namespace mlir::qfmt::reference
