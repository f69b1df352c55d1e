// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors of integers as the codes of a format, and deferred ones as integers.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_QUANTIZETENSOR_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_QUANTIZETENSOR_H

#include "IntegerModel.h"
#include "IntegerizeSettings.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

/// The codes of `value` in the static integer encoding `format`:
/// clamp(round(v / scale) + zero_point), or without the clamp its low bits if
/// `overflow` is wrap. The identity, and no operation, if the
/// codes of `value` are already those. The error of the result is that of its
/// codes, but for what the format saturates.
FailureOr<TensorModel> quantizeTensor(const TensorModel &value,
                                      ScaledAttr format, RoundingMode rounding,
                                      OverflowMode overflow, OpBuilder &builder,
                                      Location loc,
                                      const IntegerizeSettings &settings,
                                      IntegerizeCounts &counts);
/// The integers of a deferred tensor; others as they are.
FailureOr<TensorModel> materializeTensor(const TensorModel &value,
                                         OpBuilder &builder, Location loc,
                                         const IntegerizeSettings &settings,
                                         IntegerizeCounts &counts);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_QUANTIZETENSOR_H
