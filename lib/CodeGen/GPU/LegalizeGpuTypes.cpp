//===- LegalizeGpuTypes.cpp - Arithmetic that every GPU has ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  arith and math in kernels.
// Output: the same with fewer operations on 64-bit integers:
//           the upper word of a product of two words  arith.mulsi_extended
//           leading zeros of 64 bits                  those of two words
//           an index from a bit                       arith.select
// Does not remove 64-bit integers where they are values of their own.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_LEGALIZEGPUTYPES
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// What a 64-bit value is known to be the sign extension of, as a word; null
/// if it is something else.
Value getSignedWord(PatternRewriter &rewriter, Location loc, Value wide) {
  Type word = rewriter.getI32Type();
  APInt constant;
  if (matchPattern(wide, m_ConstantInt(&constant)))
    return constant.isSignedIntN(32)
               ? arith::ConstantIntOp::create(rewriter, loc,
                                              constant.getSExtValue(), 32)
                     .getResult()
               : Value();
  if (auto extended = wide.getDefiningOp<arith::ExtSIOp>()) {
    Value narrow = extended.getIn();
    if (narrow.getType() == word)
      return narrow;
    if (narrow.getType().getIntOrFloatBitWidth() < 32)
      return arith::ExtSIOp::create(rewriter, loc, word, narrow);
  }
  if (auto extended = wide.getDefiningOp<arith::ExtUIOp>()) {
    Value narrow = extended.getIn();
    if (narrow.getType().getIntOrFloatBitWidth() < 32)
      return arith::ExtUIOp::create(rewriter, loc, word, narrow);
  }
  return {};
}

/// trunci((a * b) >> 32).
struct UpperWordOfProduct : OpRewritePattern<arith::TruncIOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncIOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getType().isInteger(32) || !op.getIn().getType().isInteger(64))
      return failure();
    Operation *shift = op.getIn().getDefiningOp();
    if (!isa_and_nonnull<arith::ShRUIOp, arith::ShRSIOp>(shift))
      return failure();
    APInt amount;
    auto product = shift->getOperand(0).getDefiningOp<arith::MulIOp>();
    if (!product ||
        !matchPattern(shift->getOperand(1), m_ConstantInt(&amount)) ||
        amount != 32)
      return failure();
    Value lhs = getSignedWord(rewriter, op.getLoc(), product.getLhs());
    if (!lhs)
      return failure();
    Value rhs = getSignedWord(rewriter, op.getLoc(), product.getRhs());
    if (!rhs)
      return failure();
    auto words =
        arith::MulSIExtendedOp::create(rewriter, op.getLoc(), lhs, rhs);
    rewriter.replaceOp(op, words.getHigh());
    return success();
  }
};

struct LeadingZerosOfWords : OpRewritePattern<math::CountLeadingZerosOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::CountLeadingZerosOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getType().isInteger(64))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type word = b.getI32Type();
    auto constant = [&](int64_t value, unsigned bits) -> Value {
      return arith::ConstantIntOp::create(b, value, bits);
    };
    Value low = arith::TruncIOp::create(b, word, op.getOperand());
    Value shifted =
        arith::ShRUIOp::create(b, op.getOperand(), constant(32, 64));
    Value high = arith::TruncIOp::create(b, word, shifted);
    Value ofLow = arith::AddIOp::create(
        b, math::CountLeadingZerosOp::create(b, low), constant(32, 32));
    Value ofHigh = math::CountLeadingZerosOp::create(b, high);
    Value none = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, high,
                                       constant(0, 32));
    Value zeros = arith::SelectOp::create(b, none, ofLow, ofHigh);
    rewriter.replaceOpWithNewOp<arith::ExtUIOp>(op, op.getType(), zeros);
    return success();
  }
};

/// SPIR-V has no index from i1.
struct IndexFromBit : OpRewritePattern<arith::IndexCastUIOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::IndexCastUIOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getIn().getType().isInteger(1))
      return failure();
    Value one = arith::ConstantIndexOp::create(rewriter, op.getLoc(), 1);
    Value zero = arith::ConstantIndexOp::create(rewriter, op.getLoc(), 0);
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, op.getIn(), one, zero);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// What SPIR-V has not
//===----------------------------------------------------------------------===//

/// What to write in place of `op`, which MLIR makes no SPIR-V of; empty if it
/// does.
StringRef getReplacement(Operation *op) {
  auto isIntegerOf = [](Type type, unsigned mostBits) {
    return type.isInteger() && type.getIntOrFloatBitWidth() <= mostBits;
  };
  if (isa<math::TruncOp>(op))
    return "math.floor of the absolute value, and math.copysign";
  if (isa<math::CtPopOp, math::CountTrailingZerosOp>(op))
    return "shifts and masks, or a table";
  if (isa<math::CountLeadingZerosOp>(op) &&
      isIntegerOf(op->getOperand(0).getType(), 16))
    return "math.ctlz on 32 bits, less the bits that are added";
  if (isa<arith::FPToSIOp, arith::FPToUIOp>(op) &&
      op->getResult(0).getType().isInteger(1))
    return "arith.cmpf with 0, or an integer of 8 bits";
  return {};
}

/// Narrower integers have widths that SPIR-V has (qfmt-widen-odd-integers).
bool isNoSpirvNumber(Type type) {
  return type.isIntOrFloat() && type.getIntOrFloatBitWidth() > 64;
}

/// True for what MLIR makes SPIR-V of, as far as the dialect says.
bool hasSpirvDialect(Operation *op) {
  return llvm::is_contained({"arith", "builtin", "gpu", "math", "memref", "scf",
                             "spirv", "ub", "vector"},
                            op->getName().getDialectNamespace());
}

/// Fails for what later passes would refuse without a reason.
LogicalResult verifySpirvOp(Operation *op) {
  StringRef replacement = getReplacement(op);
  if (!replacement.empty())
    return op->emitOpError()
           << "on " << op->getOperand(0).getType()
           << " cannot be computed in SPIR-V; use " << replacement;
  if (!hasSpirvDialect(op))
    return op->emitOpError()
           << "cannot be computed in SPIR-V; kernels for Vulkan are made of "
              "arith, math, memref and scf: write it in these, leave it out, "
              "or choose another target";
  for (Type type :
       llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes())) {
    if (isNoSpirvNumber(type))
      return op->emitOpError() << "cannot be computed in SPIR-V on " << type
                               << "; use numbers of at most 64 bits";
    auto buffer = dyn_cast<MemRefType>(type);
    if (buffer && buffer.getElementType().isIndex())
      return op->emitOpError()
             << "cannot be computed in SPIR-V on a buffer of indices, " << type
             << "; use integers of 32 or 64 bits";
  }
  return success();
}

LogicalResult verifySpirvOps(Operation *kernel) {
  WalkResult result = kernel->walk([](Operation *op) {
    return failed(verifySpirvOp(op)) ? WalkResult::interrupt()
                                     : WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

//===----------------------------------------------------------------------===//
// What no GPU has
//===----------------------------------------------------------------------===//

/// What to write in place of numbers of `type`, of which no kernels are made;
/// empty if they are.
StringRef getReplacement(Type type) {
  if (isa<ComplexType>(type))
    return "write real and imaginary parts as numbers";
  if (isa<FloatType>(type) && type.getIntOrFloatBitWidth() > 64)
    return "use floats of at most 64 bits";
  return {};
}

/// Fails for complex numbers, for example.
LogicalResult verifyNumbers(Operation *kernel) {
  WalkResult result = kernel->walk([](Operation *op) {
    for (Type type :
         llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
      if (StringRef instead = getReplacement(getElementTypeOrSelf(type));
          !instead.empty()) {
        op->emitOpError() << "computes with " << type
                          << ", of which no kernels for GPUs are made; "
                          << instead;
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// Fails for what calls functions of the host.
LogicalResult verifyCalls(Operation *kernel, bool isRocm) {
  WalkResult result = kernel->walk([&](Operation *op) {
    bool isAssertion = isRocm && isa<cf::AssertOp>(op);
    if (!isAssertion && !isa<vector::PrintOp>(op))
      return WalkResult::advance();
    op->emitOpError() << "is in a kernel, and kernels "
                      << (isAssertion ? "for AMD's chips have no assertions"
                                      : "for GPUs do not print")
                      << "; leave it out";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

struct LegalizeGpuTypesPass : impl::LegalizeGpuTypesBase<LegalizeGpuTypesPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<UpperWordOfProduct, LeadingZerosOfWords, IndexFromBit>(
        &getContext());
    SmallVector<Operation *> kernels;
    getOperation()->walk([&](Operation *op) {
      if (isa<gpu::LaunchOp, gpu::GPUModuleOp>(op))
        kernels.push_back(op);
    });
    FrozenRewritePatternSet frozen(std::move(patterns));
    std::optional<GpuTarget> target = GpuTarget::get(getOperation());
    bool isVulkan = target && target->runtime == GpuRuntime::Vulkan;
    bool isRocm = target && target->runtime == GpuRuntime::Rocm;
    for (Operation *kernel : kernels) {
      if (failed(verifyNumbers(kernel)) ||
          failed(verifyCalls(kernel, isRocm)) ||
          failed(applyPatternsGreedily(kernel, frozen)))
        return signalPassFailure();
      if (!isVulkan)
        continue;
      // Other passes may still replace operations before kernels are outlined.
      if (isa<gpu::GPUModuleOp>(kernel) && failed(verifySpirvOps(kernel)))
        return signalPassFailure();
    }
  }
};

} // namespace
} // namespace mlir::qfmt
