// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Words of codes of few bits as registers of mma.sync, on the integer units.
//
// Bytes: two shifts and masks leave each code in the highest bits of its byte,
// so that what is added up is 2^(8 - bits) times as much. Entries of tables are
// selected by prmt, eight of them at a time.
// Floats: a code becomes the lowest bits of 1024 (f16) or 128 (bf16), from
// which that and what was added to the code are taken off.

#ifndef QFMT_LIB_CODEGEN_GPU_FEWBITFRAGMENTS_H
#define QFMT_LIB_CODEGEN_GPU_FEWBITFRAGMENTS_H

#include "FewBitCodes.h"
#include "KernelBuilder.h"

namespace mlir::qfmt {

class FewBitFragments {
public:
  /// For activations of `type`; `table` is empty, or has up to 16 integers.
  FewBitFragments(const FewBitLayout &layout, Type type, ArrayRef<float> table)
      : layout(layout), type(type), table(table) {}

  /// True if there are instructions for these codes.
  static bool isLegal(int64_t bits, Type type) {
    return bits < 8 || !type.isBF16();
  }
  /// The bits by which sums of bytes are shifted to the left.
  int64_t getShift() const {
    return layout.hasFloats || layout.isTable ? 0 : 8 - layout.bits;
  }
  /// The four numbers of a field: one register of bytes, or two of floats, all
  /// of i32.
  SmallVector<Value> emit(KernelBuilder &b, Value word, int64_t field) const;

private:
  Value emitBytes(KernelBuilder &b, Value word, int64_t field) const;
  Value emitFloats(KernelBuilder &b, Value word, int64_t field,
                   int64_t pair) const;
  Value emitLookup(KernelBuilder &b, Value word, int64_t field,
                   ArrayRef<uint8_t> bytes) const;
  SmallVector<Value> emitFloatLookup(KernelBuilder &b, Value word,
                                     int64_t field) const;

  const FewBitLayout &layout;
  Type type;
  ArrayRef<float> table;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_FEWBITFRAGMENTS_H
