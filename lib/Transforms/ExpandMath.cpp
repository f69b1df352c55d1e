//===- ExpandMath.cpp - Elementary functions become arithmetic ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  any level of floats, with math.exp, exp2, log2 and erf on f16, bf16,
//         f32 and f64: scalars (bodies of linalg operations too), vectors,
//         tensors of static shape.
// Output: the same with arith operations (and math.absf, copysign, fma). A
// named
//         linalg operation around one becomes a linalg.generic.
// Other functions, other types and encoded tensors stay. The numerics are in
// Support/FloatExpansion.h; here they are given operations to compute with.
//
//===----------------------------------------------------------------------===//

#include "GeneralizeNamed.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"
#include "qfmt/Support/FloatExpansion.h"
#include "qfmt/Transforms/Passes.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Format.h"
#include <cmath>

namespace mlir::qfmt {
#define GEN_PASS_DEF_EXPANDMATH
#include "qfmt/Transforms/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-expand-math"
ALWAYS_ENABLED_STATISTIC(numExpanded, "Operations expanded");

namespace {

/// What FloatExpansion computes with: operations on values of one type, f32 or
/// f64 or a shape of those.
struct OperationArithmetic {
  using Value = mlir::Value;
  using Integer = mlir::Value;
  using Condition = mlir::Value;

  OperationArithmetic(OpBuilder &builder, Location loc, Type floatType,
                      bool fma)
      : type(getElementTypeOrSelf(floatType).isF64() ? FloatProgramType::F64
                                                     : FloatProgramType::F32),
        builder(builder), loc(loc), floatType(floatType), fma(fma) {
    Type integer =
        builder.getIntegerType(type == FloatProgramType::F64 ? 64 : 32);
    auto shaped = dyn_cast<ShapedType>(floatType);
    integerType = shaped ? shaped.clone(integer) : integer;
  }

  Value constant(double value) {
    return splat(floatType,
                 builder.getFloatAttr(getElementTypeOrSelf(floatType), value));
  }
  Integer integer(int64_t value) {
    return splat(integerType, builder.getIntegerAttr(
                                  getElementTypeOrSelf(integerType), value));
  }
  Value add(Value a, Value b) { return make<arith::AddFOp>(a, b); }
  Value subtract(Value a, Value b) { return make<arith::SubFOp>(a, b); }
  Value multiply(Value a, Value b) { return make<arith::MulFOp>(a, b); }
  Value divide(Value a, Value b) { return make<arith::DivFOp>(a, b); }
  Value absolute(Value a) { return make<math::AbsFOp>(a); }
  Value copySign(Value a, Value b) { return make<math::CopySignOp>(a, b); }
  Value multiplyAdd(Value a, Value b, Value c) {
    return fma ? make<math::FmaOp>(a, b, c) : add(multiply(a, b), c);
  }
  Integer getBits(Value a) { return make<arith::BitcastOp>(integerType, a); }
  Value fromBits(Integer a) { return make<arith::BitcastOp>(floatType, a); }
  Integer addInteger(Integer a, Integer b) { return make<arith::AddIOp>(a, b); }
  Integer subtractInteger(Integer a, Integer b) {
    return make<arith::SubIOp>(a, b);
  }
  Integer shiftLeft(Integer a, unsigned n) {
    return make<arith::ShLIOp>(a, integer(n));
  }
  Integer shiftRightSigned(Integer a, unsigned n) {
    return make<arith::ShRSIOp>(a, integer(n));
  }
  Value toFloat(Integer a) { return make<arith::SIToFPOp>(floatType, a); }
  Condition isLess(Value a, Value b) {
    return make<arith::CmpFOp>(arith::CmpFPredicate::OLT, a, b);
  }
  Condition isEqual(Value a, Value b) {
    return make<arith::CmpFOp>(arith::CmpFPredicate::OEQ, a, b);
  }
  Value select(Condition c, Value a, Value b) {
    return make<arith::SelectOp>(c, a, b);
  }
  Integer selectInteger(Condition c, Integer a, Integer b) {
    return make<arith::SelectOp>(c, a, b);
  }

  FloatProgramType type;

private:
  template <typename OpTy, typename... Args>
  Value make(Args &&...args) {
    return OpTy::create(builder, loc, std::forward<Args>(args)...);
  }
  Value splat(Type valueType, TypedAttr element) {
    if (auto shaped = dyn_cast<ShapedType>(valueType))
      element = DenseElementsAttr::get(shaped, cast<Attribute>(element));
    Value &known = constants[element];
    if (!known)
      known = make<arith::ConstantOp>(element);
    return known;
  }

  OpBuilder &builder;
  Location loc;
  Type floatType, integerType;
  bool fma;
  llvm::DenseMap<Attribute, Value> constants;
};

std::optional<FloatFunction> getFunction(Operation *op) {
  Type element = op->getNumResults() == 1
                     ? getElementTypeOrSelf(op->getResult(0).getType())
                     : Type();
  if (!element ||
      !(element.isF16() || element.isBF16() || element.isF32() ||
        element.isF64()) ||
      EncodedTensorType::isEncoded(op->getResult(0).getType()))
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, std::optional<FloatFunction>>(op)
      .Case([](math::Exp2Op) { return FloatFunction::Exp2; })
      .Case([](math::ExpOp) { return FloatFunction::Exp; })
      .Case([](math::Log2Op) { return FloatFunction::Log2; })
      .Case([](math::ErfOp) { return FloatFunction::Erf; })
      .Default([](Operation *) { return std::nullopt; });
}

SmallVector<Operation *> collect(Operation *root) {
  SmallVector<Operation *> result;
  root->walk([&](Operation *op) {
    if (getFunction(op))
      result.push_back(op);
  });
  return result;
}

struct ExpandMathPass : qfmt::impl::ExpandMathBase<ExpandMathPass> {
  using Base::Base;

  void runOnOperation() override {
    if (!(maxUlp > 0.5)) {
      emitError(getOperation().getLoc())
          << "qfmt-expand-math needs max-ulp > 0.5, the error of a correctly "
             "rounded result, found "
          << format(maxUlp);
      return signalPassFailure();
    }
    if (failed(generalizeNamedParents(collect(getOperation()),
                                      "a function to expand")))
      return signalPassFailure();
    for (Operation *op : collect(getOperation()))
      if (failed(expand(op)))
        return signalPassFailure();
  }

  static std::string format(double value) {
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format("%.4g", value);
    return text;
  }

  /// Units of the operation's type in one of the type computed with. f16 and
  /// bf16 are computed in f32.
  static double getUnitRatio(Type element) {
    return element.isF16() ? 0x1p-13 : element.isBF16() ? 0x1p-16 : 1;
  }

  /// The program for `op`, or null with a diagnostic. Rounding to a narrower
  /// type takes half a unit of the error that is allowed.
  const FloatProgram *chooseProgram(Operation *op, Type element) {
    double ratio = getUnitRatio(element);
    double rounding = ratio == 1 ? 0 : 0.5;
    FloatProgramQuery query = {*getFunction(op),
                               element.isF64() ? FloatProgramType::F64
                                               : FloatProgramType::F32,
                               (maxUlp - rounding) / ratio,
                               maxOps,
                               fma,
                               division};
    if (const FloatProgram *program = findFloatProgram(query))
      return program;
    query.maxUlp = HUGE_VAL;
    double best = HUGE_VAL;
    for (const FloatProgram &program : getFloatPrograms())
      if (query.accepts(program))
        best = std::min(best, program.getMaxUlp(fma) * ratio + rounding);
    InFlightDiagnostic diagnostic =
        op->emitOpError() << "on " << element
                          << " has no program with an error of at most "
                          << format(maxUlp) << " ulp";
    if (maxOps)
      diagnostic << " and at most " << unsigned(maxOps) << " operations";
    if (!division)
      diagnostic << " and no division";
    if (best < HUGE_VAL)
      diagnostic << "; the most accurate has " << format(best)
                 << " ulp: raise max-ulp or max-ops";
    else
      diagnostic << "; none is that short: raise max-ops";
    return nullptr;
  }

  LogicalResult expand(Operation *op) {
    Type type = op->getResult(0).getType();
    if (auto tensor = dyn_cast<TensorType>(type);
        tensor && !tensor.hasStaticShape())
      return op->emitOpError()
             << "has dynamic sizes (" << type
             << "), for which there are no constants: rewrite it with "
                "convert-elementwise-to-linalg first";
    Type element = getElementTypeOrSelf(type);
    const FloatProgram *program = chooseProgram(op, element);
    if (!program)
      return failure();
    OpBuilder builder(op);
    Location loc = op->getLoc();
    bool isNarrow = getUnitRatio(element) != 1;
    Type computed = type;
    Value x = op->getOperand(0);
    if (isNarrow) {
      auto shaped = dyn_cast<ShapedType>(type);
      computed = shaped ? Type(shaped.clone(builder.getF32Type()))
                        : Type(builder.getF32Type());
      x = arith::ExtFOp::create(builder, loc, computed, x);
    }
    OperationArithmetic arithmetic(builder, loc, computed, fma);
    Value result = FloatExpansion(arithmetic).expand(*program, x);
    if (isNarrow)
      result = arith::TruncFOp::create(builder, loc, type, result);
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
    ++numExpanded;
    return success();
  }
};
} // namespace
