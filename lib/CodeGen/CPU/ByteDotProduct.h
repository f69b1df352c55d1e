// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one place where targets differ: sums of four products of bytes.
//
// 16 columns of four terms each are 64 bytes of a packed factor. They are cut
// into groups, one register of the target each. An accumulator holds, for every
// column of its group, one or several partial sums:
//
//                bytes a group  columns  partial sums of a column
//   Vnni512      64             16       1
//   Vnni256      32              8       1
//   Madd512      32              8       2
//    by pairs    64              16      1
//   Madd256      16              4       2
//    by pairs    32              8       1
//   Madd128      8               2       2
//   Usdot, Sdot  16              4       1
//   Plain        16              4       4

#ifndef QFMT_LIB_CODEGEN_CPU_BYTEDOTPRODUCT_H
#define QFMT_LIB_CODEGEN_CPU_BYTEDOTPRODUCT_H

#include "PackedFactor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/CPU/CpuTarget.h"

namespace mlir::qfmt {

class ByteDotProduct {
public:
  /// `reading` is how the left factor's codes are read; getCodeReading of a
  /// product that qfmt-pack-products has made for `target`.
  /// Madd512 and Madd256 go by pairs, if the right factor's are narrow.
  ByteDotProduct(const CpuTarget &target, CodeReading reading,
                 bool hasNarrowPairs = false);

  /// True if the target's instructions can read codes so.
  bool isLegal() const { return isReadable; }

  int64_t getNumGroups() const { return kBytes / getGroupBytes(); }
  int64_t getGroupBytes() const;
  VectorType getAccumulatorType(MLIRContext *context) const;
  /// How many of the target's registers an accumulator takes.
  int64_t getRegistersPerAccumulator() const;

  /// Registers for the left factor: values on their way to become products, and
  /// a constant.
  int64_t getNumTemporaries() const;

  /// The left factor's next four terms, a vector of 4 bytes, for `emitDot`.
  Value emitLeft(ImplicitLocOpBuilder &b, Value bytes) const;
  /// The left factor's terms of a group, where each column has its own: four
  /// bytes in each lane of 32 bits.
  Value emitCodes(ImplicitLocOpBuilder &b, Value words) const;
  /// The right factor's group, a vector of bytes, for `emitDot`.
  Value emitRight(ImplicitLocOpBuilder &b, Value bytes) const;
  /// `accumulator` + the sums of products.
  Value emitDot(ImplicitLocOpBuilder &b, Value accumulator, Value left,
                Value right) const;
  /// With the roles of the factors exchanged: a signed left factor, read
  /// without an offset, and an unsigned right one. False if the target cannot.
  bool readsUnsignedRight() const;
  Value emitUnsignedRight(ImplicitLocOpBuilder &b, Value bytes) const;
  Value emitDotOfUnsignedRight(ImplicitLocOpBuilder &b, Value accumulator,
                               Value left, Value right) const;
  /// Partial sums of a column in an accumulator.
  int64_t getNumPartialSums() const;

  /// The sums of 16 columns, from the accumulators of all groups.
  Value emitSums(ImplicitLocOpBuilder &b, ArrayRef<Value> accumulators) const;

  /// Bytes of four terms of 16 columns.
  static constexpr int64_t kBytes = kColumnsPerBlock * kTermsPerDot;

private:
  struct Shape;
  Shape getShape() const;

  DotInstructions instructions;
  CodeReading reading;
  /// Sums of two products in 16 bits.
  bool usesPairs;
  bool isReadable;
};

/// `size` bytes that lie together in `tensor`, none of them beyond it.
Value emitLoadBytes(ImplicitLocOpBuilder &b, Value tensor, ValueRange indices,
                    int64_t size);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_BYTEDOTPRODUCT_H
