//===- WeightedSum.h - Convolutions and matrix products ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What convolutions, depthwise and grouped convolutions and matrix products
// with constant weights have in common, named or generic:
//
//   result[channels, ...] = init + sum of data[...] * weights[channels, ...]
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_WEIGHTEDSUM_H
#define QFMT_LIB_TRANSFORMS_WEIGHTEDSUM_H

#include "ConstantTensor.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::qfmt {

/// True if the body is `yield out + left * right`, in any order, of two inputs.
bool sumsProducts(linalg::LinalgOp op);

/// A linalg operation that sums products of its two inputs, one of which is
/// constant.
struct WeightedSum {
  linalg::LinalgOp op;
  OpOperand *data;
  OpOperand *weights;
  /// The constant.
  ConstantTensor values;

  /// A dimension of the weights that also indexes the result: output channels,
  /// groups, and the batches of weights that differ a batch.
  struct Channel {
    unsigned weightDim;
    unsigned resultDim;
  };
  /// In the order of the weights' dimensions.
  SmallVector<Channel> channels;

  /// `exact` is as of ConstantTensor::read.
  static std::optional<WeightedSum> match(Operation *op,
                                          ExactElements exact = nullptr);
  /// The same at level encoded, where the weights are `quantize` of a constant.
  static std::optional<WeightedSum> matchQuantized(Operation *op);
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_WEIGHTEDSUM_H
