//===- ScalarOps.h - Operations on scalars, resolved to kernels -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An operation on scalars is an Instruction: a kernel, the registers that it
// reads and the one that it writes. The same instruction serves a body of a
// linalg operation and, element by element, an operation on whole tensors.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_REFERENCE_SCALAROPS_H
#define QFMT_LIB_REFERENCE_SCALAROPS_H

#include "mlir/IR/Operation.h"
#include "qfmt/Reference/Tensor.h"
#include <utility>

namespace mlir::qfmt::reference {

struct Instruction {
  /// False: the operation is undefined for these operands.
  using Kernel = bool (*)(const Instruction &, Scalar *registers);

  Kernel kernel = nullptr;
  /// Registers of the operands; `moreOperands` has all of them if there are
  /// more than three.
  unsigned operands[3] = {};
  unsigned result = 0;
  /// 64 - width of the first operand and of the result, if they are integers.
  unsigned operandShift = 0, resultShift = 0;
  /// What the kernel makes of it: a predicate, a rounding mode, flags.
  int64_t immediate = 0;
  Type operandType, resultType;
  std::vector<unsigned> moreOperands;
  /// The tensor operand of an instruction that has one.
  Tensor tensor;
  /// The constant table of an instruction that has one.
  std::shared_ptr<const Tensor> table;
  Operation *op = nullptr;
  /// What is wrong when the kernel returns false.
  const char *undefined = "is undefined";
};

/// Chooses kernel and immediates for result number `result` of `op`; types,
/// shifts and registers are already there. Fails without a diagnostic if the
/// types have no semantics.
using ScalarEmitter = LogicalResult (*)(Operation *op, unsigned result,
                                        Instruction &instruction);

/// i1 is held sign-extended.
inline Scalar makeBool(bool value) { return makeInteger(value ? -1 : 0); }

inline int64_t signExtend(uint64_t value, unsigned shift) {
  return static_cast<int64_t>(value << shift) >> shift;
}
inline uint64_t zeroExtend(int64_t value, unsigned shift) {
  return static_cast<uint64_t>(value) << shift >> shift;
}

//===----------------------------------------------------------------------===//
// Families of kernels
//===----------------------------------------------------------------------===//

/// Fn::apply on 64 bits, the result wrapped to its width.
template <typename Fn>
bool integerBinaryKernel(const Instruction &i, Scalar *r) {
  r[i.result].integer =
      signExtend(Fn::apply(r[i.operands[0]].integer, r[i.operands[1]].integer),
                 i.resultShift);
  return true;
}

/// The same on zero-extended operands.
template <typename Fn>
bool unsignedBinaryKernel(const Instruction &i, Scalar *r) {
  r[i.result].integer = signExtend(
      Fn::apply(zeroExtend(r[i.operands[0]].integer, i.operandShift),
                zeroExtend(r[i.operands[1]].integer, i.operandShift)),
      i.resultShift);
  return true;
}

template <typename Fn>
bool integerUnaryKernel(const Instruction &i, Scalar *r) {
  r[i.result].integer = signExtend(
      Fn::apply(r[i.operands[0]].integer, i.operandShift), i.resultShift);
  return true;
}

struct RoundToF64 {
  static double apply(double value, Type) { return value; }
};
struct RoundToF32 {
  static double apply(double value, Type) { return static_cast<float>(value); }
};
struct RoundToAny {
  static double apply(double value, Type type) {
    return roundToType(value, cast<FloatType>(type));
  }
};

/// Fn::apply on doubles, rounded once to the result's type. For + - * / sqrt of
/// types of at most 24 bits the double result rounds to the correct one (53 >=
/// 2 * 24 + 2).
template <typename Fn, typename Round, size_t... operand>
bool floatKernel(const Instruction &i, Scalar *r) {
  r[i.result].real =
      Round::apply(Fn::apply(r[i.operands[operand]].real...), i.resultType);
  return true;
}

template <typename Fn, size_t... operand>
Instruction::Kernel selectFloatKernel(Type type,
                                      std::index_sequence<operand...>) {
  if (type.isF32())
    return floatKernel<Fn, RoundToF32, operand...>;
  if (type.isF64())
    return floatKernel<Fn, RoundToF64, operand...>;
  return floatKernel<Fn, RoundToAny, operand...>;
}

//===----------------------------------------------------------------------===//
// Families of emitters
//===----------------------------------------------------------------------===//

template <Instruction::Kernel kernel>
LogicalResult emitKernel(Operation *, unsigned, Instruction &instruction) {
  instruction.kernel = kernel;
  return success();
}

template <typename Fn, size_t arity>
LogicalResult emitFloat(Operation *, unsigned, Instruction &instruction) {
  instruction.kernel = selectFloatKernel<Fn>(instruction.resultType,
                                             std::make_index_sequence<arity>());
  return success();
}

/// A C function of doubles.
template <double (*fn)(double)>
struct UnaryCall {
  static double apply(double x) { return fn(x); }
};
template <double (*fn)(double, double)>
struct BinaryCall {
  static double apply(double x, double y) { return fn(x, y); }
};

/// IEEE 754-2019 minimum and maximum: NaN if one is, -0 below +0.
double minimum(double a, double b);
double maximum(double a, double b);

} // namespace mlir::qfmt::reference

#endif // QFMT_LIB_REFERENCE_SCALAROPS_H
