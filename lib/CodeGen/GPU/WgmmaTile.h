// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of bytes, or of codes of fp8, by wgmma m64nNk32.
//
// One thread copies parts of the factors, 128 terms each, by tensor maps to a
// ring of stages; what the factors do not have comes as zeros. Each stage has
// two barriers in shared memory: `full`, at which its bytes arrive, and
// `empty`, at which each warp that multiplies arrives when it has done so.
// While a part is multiplied the one before it is awaited and given back.
//
// With fp8, tensor cores keep about 14 bits of a sum. So each part is added up
// from 0, by four wgmma one after the other, awaited, and added to sums in
// registers, in f32 and in the order of the parts; while one warpgroup does so
// the other multiplies. At most 128 columns are multiplied at a time, which
// leaves registers for the sums of 256.
//
// Tensor maps are in the device's memory and were written by the host: the
// thread that copies acquires them by a fence for the whole system (PTX 8.3),
// as the PTX manual asks for.

#ifndef QFMT_LIB_CODEGEN_GPU_WGMMATILE_H
#define QFMT_LIB_CODEGEN_GPU_WGMMATILE_H

#include "BlockGrid.h"
#include "WgmmaShape.h"

namespace mlir::qfmt {

class WgmmaTile {
public:
  /// Outside of the kernel, which makes the tensor maps; `lhs` and `rhs` in
  /// place of the factors of `op`.
  WgmmaTile(KernelBuilder &b, kernel::ProductOp op, Value lhs, Value rhs,
            const WgmmaShape &shape);

  /// In the kernel, by all threads: places and barriers.
  void begin(KernelBuilder &b, Value thread, Value shared);
  /// By one thread that multiplies nothing: all copies of a block.
  void emitCopies(KernelBuilder &b, const BlockOrigin &origin);
  /// By the warpgroups: the sums of a thread, which are those of 16 x 8 tiles
  /// as mma.sync has them, of the warp's 16 rows.
  SmallVector<Value> emitSums(KernelBuilder &b);

private:
  /// A stage, and the phase of the barrier that is waited for.
  struct Turn {
    Value stage, phase;
  };

  Turn emitNextTurn(KernelBuilder &b, const Turn &turn);
  Value getFull(KernelBuilder &b, Value stage);
  Value getEmpty(KernelBuilder &b, Value stage);
  void emitCopy(KernelBuilder &b, Value map, Value firstRow, Value firstTerm,
                Value to, Value barrier);
  Value emitDescriptor(KernelBuilder &b, Value stage, Value bytes);
  /// A part times columns from `firstColumn` on, as many as `sums` are for,
  /// added to these or, with `startsAtZero`, in place of them.
  Value emitPart(KernelBuilder &b, Value stage, int64_t firstColumn, Value sums,
                 bool startsAtZero);
  SmallVector<Value> emitIntegerSums(KernelBuilder &b);
  SmallVector<Value> emitFloatSums(KernelBuilder &b);
  /// Adds a part, whose stage is given back, to `sums`; `part` has its
  /// registers.
  void emitFloatPart(KernelBuilder &b, Value stage, Value &part,
                     MutableArrayRef<Value> sums);
  /// Of a stage that has been multiplied, by each warp, where `condition`
  /// holds.
  void emitArrival(KernelBuilder &b, Value stage, Value condition);

  kernel::ProductOp op;
  WgmmaShape shape;
  int64_t parts;
  Value lhsMap, rhsMap;

  // In the kernel.
  Value shared, barriers, warpgroup, lane;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_WGMMATILE_H
