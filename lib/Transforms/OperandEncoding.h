//===- OperandEncoding.h - The encoding of one operand ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a format that a user names means for the weights or the data of one
// linalg operation: how its blocks lie depends on what is summed over.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_OPERANDENCODING_H
#define QFMT_LIB_TRANSFORMS_OPERANDENCODING_H

#include "FormatChoice.h"
#include "WeightedSum.h"

namespace mlir::qfmt {

/// An encoding, and how `quantize` to it chooses scales and rounds.
struct OperandEncoding {
  /// Null: the operand stays what it is.
  TensorFormat format;
  ScaleRule scaleRule = ScaleRule::AbsMax;
  RoundingMode rounding = RoundingMode::HalfEven;
  /// If not null, the codes are rounded from those of this encoding, which has
  /// the same blocks, scales of f32 at run time and integers of more bits.
  TensorFormat master = nullptr;

  bool operator==(const OperandEncoding &other) const {
    return format == other.format && scaleRule == other.scaleRule &&
           rounding == other.rounding && master == other.master;
  }

  /// `real` in this encoding, whose format is not null.
  Value quantize(OpBuilder &builder, Value real) const;
  /// The tensor `real` of the encoding `master` in this encoding: with its
  /// scales times getMasterStep(), which `scales` are, its codes are divided by
  /// that, rounded half to even, and saturated.
  Value roundMaster(OpBuilder &builder, Value real, Value scales) const;
  /// 2^(bits of the master - bits of this encoding).
  double getMasterStep() const;
};

/// A row is what one result element reads: the dimensions of `operand` that
/// only loops of reductions index. Blocks lie along the longest of them, the
/// last of equally long ones. Where a window slides over a dimension, it counts
/// only if there is no other. Null for an operand that no reduction reads.
OperandEncoding getPresetEncoding(const Preset &preset, linalg::LinalgOp op,
                                  OpOperand &operand);

/// The encoding of a layer's weights: of a number format with one scale of f32
/// a channel (C24 `absmax`). Null for f32 (and see above).
OperandEncoding getWeightEncoding(const OperandFormat &format,
                                  const WeightedSum &sum);

/// The encoding that a layer's data gets where it is read. Null for f32, and
/// for number formats, whose scale follows from statistics.
OperandEncoding getDataEncoding(const OperandFormat &format,
                                linalg::LinalgOp op, OpOperand &operand);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_OPERANDENCODING_H
