// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The models of encoded tensors: arguments, weights, and what is quantized.

#ifndef QFMT_LIB_TRANSFORMS_INTEGERIZE_ENCODEDTENSORS_H
#define QFMT_LIB_TRANSFORMS_INTEGERIZE_ENCODEDTENSORS_H

#include "IntegerModel.h"
#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

/// The static integer encoding of `type`, or null with a diagnostic.
ScaledAttr getStaticIntegerEncoding(Operation *op, Type type);

/// The model of a tensor whose codes are `payload`, in a static encoding.
TensorModel makeEncodedModel(Value payload, ScaledAttr scaled,
                             RankedTensorType type);

/// Weights: constant codes with constant scales along whole dimensions. Fails
/// with a diagnostic at `op` if they are something else.
FailureOr<TensorModel> readWeights(AssembleOp op, OpBuilder &builder);

/// Makes expressions start at the elements of `value` from here on.
void makeElement(Value value, TensorModel &model);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_INTEGERIZE_ENCODEDTENSORS_H
