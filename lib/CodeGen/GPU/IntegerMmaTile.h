// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of bytes with constants by mma.sync m16n8k32.

#ifndef QFMT_LIB_CODEGEN_GPU_INTEGERMMATILE_H
#define QFMT_LIB_CODEGEN_GPU_INTEGERMMATILE_H

#include "RingTile.h"
#include "SharedTile.h"

namespace mlir::qfmt {

class IntegerMmaTile : public RingTile {
public:
  /// Outside of the kernel.
  IntegerMmaTile(KernelBuilder &b, kernel::ProductOp op,
                 const BlockShape &shape);

  static int64_t getStageBytes(const BlockShape &shape);

  void enter(KernelBuilder &b) override;

protected:
  int64_t getStageBytes() const override { return getStageBytes(shape); }
  int64_t getNumSums() const override;
  void begin(KernelBuilder &b, const BlockPlace &place) override;
  void emitCopies(KernelBuilder &b, Value firstTerm, Value stage) override;
  SmallVector<Value> emitLoads(KernelBuilder &b, Value stage,
                               int64_t step) override;
  void emitProducts(KernelBuilder &b, ArrayRef<Value> fragments,
                    MutableArrayRef<Value> sums) override;

private:
  void placeLane(KernelBuilder &b, const BlockPlace &place);

  kernel::ProductOp op;
  GlobalBuffer lhs, rhs;
  Swizzle lhsSwizzle, rhsSwizzle;
  /// Of the left factor, if it is no matrix.
  std::optional<GatheredRows> gathered;

  // In the kernel.
  std::optional<SharedCopy> lhsCopy, rhsCopy;
  /// Where the lane's row of ldmatrix begins, and the piece of step 0.
  Value lhsRow, lhsPiece, rhsRow, rhsPiece;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_INTEGERMMATILE_H
