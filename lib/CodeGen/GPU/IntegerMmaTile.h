// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of bytes by mma.sync m16n8k32.
//
// Parts of the factors, up to 128 terms each, come to shared memory in a ring
// of stages; while one is multiplied, the next ones are on their way. Fragments
// are loaded one step of 32 terms before they are needed, those of the first
// step of a part when the part before it ends.

#ifndef QFMT_LIB_CODEGEN_GPU_INTEGERMMATILE_H
#define QFMT_LIB_CODEGEN_GPU_INTEGERMMATILE_H

#include "MmaTile.h"
#include "SharedTile.h"

namespace mlir::qfmt {

class IntegerMmaTile : public MmaTile {
public:
  /// Outside of the kernel.
  IntegerMmaTile(KernelBuilder &b, kernel::ProductOp op,
                 const BlockShape &shape);

  /// Of a block with `stages` parts of the factors.
  static int64_t getStageBytes(const BlockShape &shape);

  int64_t getSharedBytes() const override;
  void enter(KernelBuilder &b) override;
  SmallVector<Value> emitSums(KernelBuilder &b, const BlockPlace &place,
                              Value shared) override;

private:
  /// Registers that mma.sync reads in a step.
  struct Fragments {
    SmallVector<Value> lhs, rhs;
  };

  int64_t getSteps() const;
  /// Parts that are on their way at a time.
  int64_t getDepth() const { return std::min(shape.stages - 1, parts); }
  /// False if all parts are there before the loop begins.
  bool isRing() const { return parts > getDepth(); }
  int64_t getStages() const { return isRing() ? getDepth() + 1 : getDepth(); }

  void emitCopies(KernelBuilder &b, Value firstTerm, Value stage);
  void emitWait(KernelBuilder &b);
  Value emitNextStage(KernelBuilder &b, Value stage);
  void placeLane(KernelBuilder &b, const BlockPlace &place);
  Fragments emitLoads(KernelBuilder &b, Value stage, int64_t step);
  void emitProducts(KernelBuilder &b, const Fragments &fragments,
                    MutableArrayRef<Value> sums);
  /// One part; values that the next one takes, as below.
  SmallVector<Value> emitPart(KernelBuilder &b, Value part, ValueRange state);

  kernel::ProductOp op;
  BlockShape shape;
  GlobalBuffer lhs, rhs;
  Swizzle lhsSwizzle, rhsSwizzle;
  /// Of the sum, and of each part of it.
  int64_t terms, parts, partTerms;

  // In the kernel.
  std::optional<SharedCopy> lhsCopy, rhsCopy;
  Value shared;
  /// Where the lane's row of ldmatrix begins, and the piece of step 0.
  Value lhsRow, lhsPiece, rhsRow, rhsPiece;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_INTEGERMMATILE_H
