// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites linalg operations to integers, given the models of their operands.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_LINALGREWRITER_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_LINALGREWRITER_H

#include "BodyBuilder.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::qfmt {

/// Rewrites `op`, any linalg operation with static shapes: its body is compiled
/// to integers. `operands` are the models of all its operands, inputs first;
/// returns those of its results.
FailureOr<TensorModels> rewriteLinalgOp(linalg::LinalgOp op,
                                        ArrayRef<TensorModel> operands,
                                        OpBuilder &builder,
                                        const IntegerizeSettings &settings,
                                        IntegerizeCounts &counts);

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

/// The model of a constant: its values over all dimensions in which they vary.
TensorModel makeConstantModel(RankedTensorType type, ArrayRef<double> values);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_LINALGREWRITER_H
