//===- ElementRanges.h - Between which integers elements lie ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ranges of integer tensors' elements and of the scalars in linalg bodies,
// from constants, number formats and clamps to wherever operations carry them.
// Scalars follow upstream's InferIntRangeInterface, which knows no tensors.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_ANALYSIS_ELEMENTRANGES_H
#define QFMT_ANALYSIS_ELEMENTRANGES_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Interfaces/InferIntRangeInterface.h"

namespace mlir::qfmt {

/// What a linalg operation with reductions adds to its accumulator in each
/// iteration, where its body ends in that addition; null for any other body.
Value getSummedTerm(linalg::LinalgOp op);

/// Ranges that hold for every run. What is not understood, and arguments of
/// functions, may be anything that the type holds: codes outside of a narrow
/// range like `!qfmt.int<i16, -32767, 32767>` are legal (spec C50). Codes that
/// `quantize` or `convert` makes are within the format's range.
class ElementRanges {
public:
  /// The elements of a tensor of integers, or an integer scalar.
  ConstantIntRanges get(Value value);

  /// All tensors below `root`, in the order in which they are computed: `get`
  /// goes back as far as nothing is known, which may be through a network.
  void computeAll(Operation *root);

  /// From here on `value` is in `range`; ranges computed before stay.
  void assume(Value value, const ConstantIntRanges &range) {
    ranges.insert_or_assign(value, range);
  }

private:
  ConstantIntRanges compute(Value value);
  ConstantIntRanges computeOfScalarOp(Operation *op, Value result);
  std::optional<ConstantIntRanges> computeOfSum(linalg::LinalgOp op);
  ConstantIntRanges join(ValueRange values);

  llvm::DenseMap<Value, ConstantIntRanges> ranges;
};

} // namespace mlir::qfmt

#endif // QFMT_ANALYSIS_ELEMENTRANGES_H
