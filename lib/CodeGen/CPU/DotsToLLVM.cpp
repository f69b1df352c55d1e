//===- DotsToLLVM.cpp - Dot products as instructions ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt_cpu.dot of the sizes that qfmt-products-to-vectors emits.
// Output: LLVM's intrinsics for x86 and AArch64. LLVM 22 finds vpdpbusd in no
// arithmetic but whole horizontal sums, so that it has to be called by name.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "qfmt/CodeGen/CPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_DOTSTOLLVM
#include "qfmt/CodeGen/CPU/Passes.h.inc"

namespace {

struct Instruction {
  unsigned factorBits;
  int64_t lanes;
  /// Of the first factor; bytes only, words are signed.
  bool isLhsSigned;
  const char *intrinsic;
  /// False if the accumulator has to be added.
  bool accumulates;
};

constexpr Instruction kInstructions[] = {
    {8, 16, false, "llvm.x86.avx512.vpdpbusd.512", true},
    {8, 8, false, "llvm.x86.avx512.vpdpbusd.256", true},
    {8, 4, false, "llvm.aarch64.neon.usdot", true},
    {8, 4, true, "llvm.aarch64.neon.sdot", true},
    {16, 16, true, "llvm.x86.avx512.pmaddw.d.512", false},
    {16, 8, true, "llvm.x86.avx2.pmadd.wd", false},
    {16, 4, true, "llvm.x86.sse2.pmadd.wd", false},
};

const Instruction *findInstruction(cpu::DotOp op) {
  auto factors = cast<VectorType>(op.getLhs().getType());
  auto sums = cast<VectorType>(op.getResult().getType());
  const auto *found = llvm::find_if(kInstructions, [&](const auto &candidate) {
    unsigned bits = candidate.factorBits;
    return factors.getElementTypeBitWidth() == bits &&
           sums.getNumElements() == candidate.lanes &&
           (bits == 16 || op.getIsLhsSigned() == candidate.isLhsSigned);
  });
  return found == std::end(kInstructions) ? nullptr : found;
}

Value emitCall(ImplicitLocOpBuilder &b, StringRef name, Type type,
               ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, type, b.getStringAttr(name), operands)
      .getResult(0);
}

/// vpmaddubsw, which adds up two products in 16 bits, and vpmaddwd with ones.
Value emitPairs(cpu::DotOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Type sumType = op.getResult().getType();
  int64_t lanes = cast<VectorType>(sumType).getNumElements();
  auto words = VectorType::get(2 * lanes, b.getI16Type());
  Value pairs = emitCall(b,
                         lanes == 16 ? "llvm.x86.avx512.pmaddubs.w.512"
                                     : "llvm.x86.avx2.pmadd.ub.sw",
                         words, {op.getLhs(), op.getRhs()});
  Value ones =
      arith::ConstantOp::create(b, DenseElementsAttr::get(words, APInt(16, 1)));
  Value sums = emitCall(b,
                        lanes == 16 ? "llvm.x86.avx512.pmaddw.d.512"
                                    : "llvm.x86.avx2.pmadd.wd",
                        sumType, {pairs, ones});
  return arith::AddIOp::create(b, op.getAccumulator(), sums);
}

Value emitCall(cpu::DotOp op, const Instruction &instruction) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  SmallVector<Value> operands;
  if (instruction.accumulates)
    operands.push_back(op.getAccumulator());
  operands.append({op.getLhs(), op.getRhs()});
  Value result =
      emitCall(b, instruction.intrinsic, op.getResult().getType(), operands);
  if (instruction.accumulates)
    return result;
  return arith::AddIOp::create(b, op.getAccumulator(), result);
}

/// The low seven bits of an index select among two registers, the highest bit
/// selects these.
Value emitLookup(cpu::LookupBytesOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Type type = op.getResult().getType();
  auto permute = [&](Value low, Value high) {
    // The low six bits of an index.
    if (low == high)
      return emitCall(b, "llvm.x86.avx512.permvar.qi.512", type,
                      {low, op.getIndices()});
    return emitCall(b, "llvm.x86.avx512.vpermi2var.qi.512", type,
                    {low, op.getIndices(), high});
  };
  if (op.getFirst() == op.getThird() && op.getSecond() == op.getFourth())
    return permute(op.getFirst(), op.getSecond());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  Value isHigh = arith::CmpIOp::create(b, arith::CmpIPredicate::slt,
                                       op.getIndices(), zero);
  return arith::SelectOp::create(b, isHigh,
                                 permute(op.getThird(), op.getFourth()),
                                 permute(op.getFirst(), op.getSecond()));
}

struct DotsToLLVMPass : impl::DotsToLLVMBase<DotsToLLVMPass> {
  void runOnOperation() override {
    WalkResult result = getOperation()->walk([](cpu::DotOp op) {
      const Instruction *instruction = findInstruction(op);
      if (!instruction) {
        op.emitError("no instruction has this size and these signs; use one of "
                     "those that "
                     "qfmt-products-to-vectors emits");
        return WalkResult::interrupt();
      }
      op.replaceAllUsesWith(
          op.getHasNarrowPairs() ? emitPairs(op) : emitCall(op, *instruction));
      op.erase();
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    getOperation()->walk([](cpu::LookupBytesOp op) {
      op.replaceAllUsesWith(emitLookup(op));
      op.erase();
    });
  }
};

} // namespace
} // namespace mlir::qfmt
