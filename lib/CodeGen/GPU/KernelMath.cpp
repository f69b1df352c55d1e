//===- KernelMath.cpp - Functions of real numbers in kernels --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  math in kernels.
// Output: the same without functions that GPUs have no exact instruction for:
//         expansions in f32 (RealValue.h) within a few units in the last place
//         for all arguments; erf and erfc are upstream's polynomials.
//
//         For NVIDIA and AMD what is left of floats are calls of LLVM's
//         intrinsics: MLIR 22 would make calls of the vendors' libraries of
//         them, even of absolute values.
//
// Without this, code for NVIDIA and AMD would call libraries that come with
// their toolkits, and each Vulkan driver would compute something else.
//
//===----------------------------------------------------------------------===//

#include "RealValue.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_KERNELMATH
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// Instructions, or a few of them, on every target.
bool hasInstruction(Operation *op) {
  return isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp,
             math::CountLeadingZerosOp, math::CountTrailingZerosOp,
             math::CtPopOp, math::FloorOp, math::FmaOp, math::IsNaNOp,
             math::IsInfOp, math::IsFiniteOp, math::IsNormalOp, math::RoundOp,
             math::RoundEvenOp, math::RsqrtOp, math::SqrtOp, math::TruncOp>(op);
}

bool isSimpleName(StringRef name) {
  return llvm::is_contained(
      {"math.absf", "math.ceil", "math.copysign", "math.floor", "math.fma",
       "math.round", "math.roundeven", "math.rsqrt", "math.sqrt", "math.trunc"},
      name);
}

/// A function of one number; null if `op` is none of these.
using RealFunction = RealValue (*)(RealRef);

RealFunction getFunction(Operation *op) {
  return llvm::StringSwitch<RealFunction>(op->getName().getStringRef())
      .Case("math.acos", arcCosineOf)
      .Case("math.acosh", areaCosineOf)
      .Case("math.asin", arcSineOf)
      .Case("math.asinh", areaSineOf)
      .Case("math.atan",
            [](RealRef x) -> RealValue { return arcTangentOf(x, x(1)); })
      .Case("math.atanh", areaTangentOf)
      .Case("math.cbrt", cubeRootOf)
      .Case("math.cos", cosineOf)
      .Case("math.cosh", hyperbolicCosineOf)
      .Case("math.exp", expOf)
      .Case("math.exp2", exp2Of)
      .Case("math.expm1", expm1Of)
      .Case("math.log", logOf)
      .Case("math.log10", log10Of)
      .Case("math.log1p", log1pOf)
      .Case("math.log2", log2Of)
      .Case("math.sin", sineOf)
      .Case("math.sinh", hyperbolicSineOf)
      .Case("math.tan", tangentOf)
      .Case("math.tanh", hyperbolicTangentOf)
      .Default(nullptr);
}

RealValue expand(Operation *op, ImplicitLocOpBuilder &b) {
  RealValue x{&b, op->getOperand(0)};
  if (isa<math::PowFOp>(op)) {
    // Exact but for one rounding.
    APFloat exponent(0.0f);
    if (matchPattern(op->getOperand(1), m_ConstantFloat(&exponent)) &&
        exponent.isExactlyValue(2.0))
      return x * x;
    return powerOf(x, {&b, op->getOperand(1)});
  }
  if (isa<math::Atan2Op>(op))
    return arcTangentOf(x, {&b, op->getOperand(1)});
  if (RealFunction function = getFunction(op))
    return function(x);
  return {&b, Value()};
}

/// Replaces functions of f32, or of vectors of it, that are expanded here.
void expandFunctions(Operation *root) {
  SmallVector<Operation *> functions;
  root->walk([&](Operation *op) {
    if (isa_and_nonnull<math::MathDialect>(op->getDialect()) &&
        llvm::all_of(op->getOperandTypes(), [](Type type) {
          return getElementTypeOrSelf(type).isF32();
        }))
      functions.push_back(op);
  });
  for (Operation *op : functions) {
    ImplicitLocOpBuilder b(op->getLoc(), op);
    if (Value value = expand(op, b).value) {
      op->replaceAllUsesWith(ValueRange(value));
      op->erase();
    }
  }
}

/// Upstream's erf loses the sign of zero.
void keepZeroOfErf(Operation *root) {
  root->walk([](math::ErfOp op) {
    ImplicitLocOpBuilder b(op.getLoc(), op);
    b.setInsertionPointAfter(op);
    RealValue x{&b, op.getOperand()};
    RealValue signedZero = copySign({&b, op.getResult()}, x);
    op.getResult().replaceAllUsesExcept(signedZero.value,
                                        signedZero.value.getDefiningOp());
  });
}

/// LLVM's name; empty if `op` is no function of floats with one.
StringRef getIntrinsic(Operation *op) {
  return llvm::StringSwitch<StringRef>(op->getName().getStringRef())
      .Case("math.absf", "llvm.fabs")
      .Case("math.ceil", "llvm.ceil")
      .Case("math.copysign", "llvm.copysign")
      .Case("math.floor", "llvm.floor")
      .Case("math.fma", "llvm.fma")
      .Case("math.round", "llvm.round")
      .Case("math.roundeven", "llvm.roundeven")
      .Cases({"math.sqrt", "math.rsqrt"}, "llvm.sqrt")
      .Case("math.trunc", "llvm.trunc")
      .Default("");
}

/// Of scalars and vectors that LLVM has.
void replaceByIntrinsic(Operation *op, StringRef intrinsic) {
  OpBuilder b(op);
  Location loc = op->getLoc();
  Type type = op->getResult(0).getType();
  Value result =
      LLVM::CallIntrinsicOp::create(b, loc, type, b.getStringAttr(intrinsic),
                                    op->getOperands())
          ->getResult(0);
  if (isa<math::RsqrtOp>(op)) {
    Value one = arith::ConstantOp::create(b, loc, b.getOneAttr(type));
    result = arith::DivFOp::create(b, loc, one, result);
  }
  op->getResult(0).replaceAllUsesWith(result);
  op->erase();
}

struct KernelMathPass : impl::KernelMathBase<KernelMathPass> {
  void runOnOperation() override {
    if (failed(widenToF32()))
      return signalPassFailure();
    expandFunctions(getOperation());
    keepZeroOfErf(getOperation());
    if (failed(expandRest()) || failed(verifyNothingLeft()))
      return signalPassFailure();
    std::optional<GpuTarget> target = GpuTarget::get(getOperation());
    if (target && target->runtime != GpuRuntime::Vulkan)
      useIntrinsics();
  }

  /// Functions of f16 and bf16 in f32; whole exponents as numbers of f32.
  LogicalResult widenToF32() {
    RewritePatternSet patterns(&getContext());
    populateMathF32ExpansionPatterns(
        patterns, [](StringRef name) { return !isSimpleName(name); });
    math::populateExpansionPatterns(patterns, {"fpowi", "ipowi"});
    return applyPatternsGreedily(getOperation(), std::move(patterns));
  }

  /// What upstream has and nothing here: erf and erfc. These use exp.
  LogicalResult expandRest() {
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns, [](StringRef name) {
      return name == "math.erf" || name == "math.erfc";
    });
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return failure();
    expandFunctions(getOperation());
    return success();
  }

  void useIntrinsics() {
    getOperation()->walk([](Operation *op) {
      StringRef intrinsic = getIntrinsic(op);
      // bf16 is computed in f32 later.
      if (!intrinsic.empty() &&
          LLVM::isCompatibleType(op->getResult(0).getType()))
        replaceByIntrinsic(op, intrinsic);
    });
  }

  LogicalResult verifyNothingLeft() {
    Operation *left = nullptr;
    getOperation()->walk([&](Operation *op) {
      if (!left && isa_and_nonnull<math::MathDialect>(op->getDialect()) &&
          !hasInstruction(op))
        left = op;
    });
    if (!left)
      return success();
    Type type = left->getOperandTypes().front();
    return left->emitOpError()
           << "on " << type << " has no implementation for GPUs; "
           << (type.isIntOrIndex() ? "write it in operations of arith"
                                   : "compute it in f32, or let "
                                     "qfmt-expand-math write it out");
  }
};

} // namespace
} // namespace mlir::qfmt
