// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products by mma.sync of factors whose parts come to shared memory in a ring
// of stages: while one part is multiplied, the next ones are on their way.
// Fragments are loaded one step of 32 terms before they are needed, those of
// the first step of a part when the part before it ends.

#ifndef QFMT_LIB_CODEGEN_GPU_RINGTILE_H
#define QFMT_LIB_CODEGEN_GPU_RINGTILE_H

#include "MmaTile.h"

namespace mlir::qfmt {

/// Terms of one mma.sync.
constexpr int64_t kStepTerms = 32;

class RingTile : public MmaTile {
public:
  /// Of `terms` in all, at most `mostPartTerms` in shared memory at a time for
  /// each stage.
  RingTile(const BlockShape &shape, int64_t terms, int64_t mostPartTerms);

  int64_t getSharedBytes() const override;
  FragmentShape getRun() const override { return shape.fragments; }
  SmallVector<Value> emitSums(KernelBuilder &b, const BlockPlace &place,
                              Value shared) override;

protected:
  /// Of a part of both factors.
  virtual int64_t getStageBytes() const = 0;
  /// Accumulators of a thread.
  virtual int64_t getNumSums() const = 0;
  /// Computes what all parts have in common.
  virtual void begin(KernelBuilder &b, const BlockPlace &place) = 0;
  /// Terms from `firstTerm` on, to the stage that begins `stage` bytes behind
  /// `shared`.
  virtual void emitCopies(KernelBuilder &b, Value firstTerm, Value stage) = 0;
  /// Registers that are multiplied in a step of the part in `stage`.
  virtual SmallVector<Value> emitLoads(KernelBuilder &b, Value stage,
                                       int64_t step) = 0;
  virtual void emitProducts(KernelBuilder &b, ArrayRef<Value> fragments,
                            MutableArrayRef<Value> sums) = 0;

  BlockShape shape;
  /// Of the sum, and of each part of it.
  int64_t terms, parts, partTerms;
  /// In the kernel: the block's shared memory.
  Value shared;

private:
  int64_t getSteps() const { return partTerms / kStepTerms; }
  /// Parts that are on their way at a time.
  int64_t getDepth() const { return std::min(shape.stages - 1, parts); }
  /// False if all parts are there before the loop begins.
  bool isRing() const { return parts > getDepth(); }
  int64_t getStages() const { return isRing() ? getDepth() + 1 : getDepth(); }

  void emitWait(KernelBuilder &b);
  Value emitNextStage(KernelBuilder &b, Value stage);
  /// One part; values that the next one takes, as below.
  SmallVector<Value> emitPart(KernelBuilder &b, Value part, ValueRange state);
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_RINGTILE_H
