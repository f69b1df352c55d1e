// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of two variables by mma.sync m16n8k32, and batches of them.
//
// Codes of 16 bits are a = 256 a1 + a0, a0 unsigned, so that
//
//   sum a b = 2^16 sum a1 b1 + 2^8 sum (a1 b0 + a0 b1) + sum a0 b0
//
// which are three sums of 32 bits; what makes the product sees to it that they
// do not overflow where the sum has 64 bits.

#ifndef QFMT_LIB_CODEGEN_GPU_VARIABLEMMATILE_H
#define QFMT_LIB_CODEGEN_GPU_VARIABLEMMATILE_H

#include "RightFactor.h"
#include "RingTile.h"
#include "qfmt/CodeGen/Products/IntegerProduct.h"

namespace mlir::qfmt {

class VariableMmaTile : public RingTile {
public:
  /// Outside of the kernel.
  VariableMmaTile(KernelBuilder &b, kernel::ProductOp op,
                  const BlockShape &shape);

  /// Empty, or why there is no kernel for it.
  static StringRef getWhyNot(CodeReading lhs, CodeReading rhs, unsigned bits,
                             int64_t terms);
  static int64_t getStageBytes(kernel::ProductOp op, const BlockShape &shape);
  /// Accumulators of an element of the result.
  static int64_t getSumsPerElement(kernel::ProductOp op);

  void enter(KernelBuilder &b) override;
  FragmentShape getRun() const override { return rhs.getRun(); }
  SmallVector<Value> emitSums(KernelBuilder &b, const BlockPlace &place,
                              Value shared) override;

protected:
  int64_t getStageBytes() const override;
  int64_t getNumSums() const override;
  void begin(KernelBuilder &b, const BlockPlace &place) override;
  void emitCopies(KernelBuilder &b, Value firstTerm, Value stage) override;
  SmallVector<Value> emitLoads(KernelBuilder &b, Value stage,
                               int64_t step) override;
  void emitProducts(KernelBuilder &b, ArrayRef<Value> fragments,
                    MutableArrayRef<Value> sums) override;

private:
  int64_t getTiles() const {
    return shape.fragments.rows * shape.fragments.columns;
  }
  SmallVector<Value, 4> emitLhsRegisters(KernelBuilder &b,
                                         ArrayRef<Value> loaded, int64_t tile,
                                         int64_t plane) const;
  Value emitSum(KernelBuilder &b, ArrayRef<Value> sums, int64_t index);

  kernel::ProductOp op;
  /// Of a code in shared memory; planes of a factor.
  int64_t codeBytes;
  GlobalBuffer lhs;
  RightFactor rhs;

  // In the kernel.
  std::optional<SharedCopy> lhsCopy;
  /// Where the lane's row of ldmatrix begins, and the piece of step 0.
  Value lhsRow, lhsPiece;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_VARIABLEMMATILE_H
