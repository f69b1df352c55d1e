// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formats by the names that the field gives them: mxfp4, nvfp4, nf4, ...

#ifndef QFMT_IR_PRESETS_H
#define QFMT_IR_PRESETS_H

#include "qfmt/IR/TensorFormat.h"
#include "qfmt/Support/Rounding.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace mlir {
class MLIRContext;
} // namespace mlir

namespace mlir::qfmt {

struct Preset {
  llvm::StringLiteral name;
  /// The encoding with `{row}` for the block of one row, `{N}` for a block of N
  /// elements along the axis.
  llvm::StringLiteral encoding;
  /// How `quantize` chooses scales and breaks ties in this format.
  ScaleRule scaleRule;
  RoundingMode rounding;
  llvm::StringLiteral summary;

  /// The encoding for tensors whose rows are the dimensions where `isRow` is
  /// true (a matrix has its last one there; weights of a convolution all but
  /// the output channels). Blocks of N lie along `axis`, one of these.
  TensorFormat getFormat(MLIRContext *context, ArrayRef<bool> isRow,
                         int64_t axis) const;
  /// For rows along the last of `rank` >= 1 dimensions.
  TensorFormat getFormat(MLIRContext *context, int64_t rank) const;
};

/// In the order of the list that `--list-formats` prints.
llvm::ArrayRef<Preset> getPresets();
/// Null if there is none of this name.
const Preset *findPreset(llvm::StringRef name);

} // namespace mlir::qfmt

#endif // QFMT_IR_PRESETS_H
