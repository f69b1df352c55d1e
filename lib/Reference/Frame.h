//===- Frame.h - The values of one function call ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Maps SSA values to their values while a function is evaluated. A value is
// dropped after its last use, so that a network needs the memory of what is
// live, and so that a destination can be written in place.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_REFERENCE_FRAME_H
#define QFMT_LIB_REFERENCE_FRAME_H

#include "mlir/IR/OpDefinition.h"
#include "qfmt/Reference/Evaluator.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::qfmt::reference {

class Frame {
public:
  Frame(const EvaluatorOptions &options, unsigned depth = 0)
      : options(options), depth(depth) {}

  const EvaluatorOptions &getOptions() const { return options; }
  /// How many calls enclose this one.
  unsigned getDepth() const { return depth; }

  const Value &get(mlir::Value value) const;
  const Tensor &getTensor(mlir::Value value) const {
    return get(value).getTensor();
  }
  /// A scalar operand.
  Scalar getScalar(mlir::Value value) const { return getTensor(value)[0]; }
  int64_t getInteger(mlir::Value value) const {
    return getScalar(value).integer;
  }
  /// Static and dynamic sizes or offsets.
  SmallVector<int64_t> getIntegers(ArrayRef<OpFoldResult> values) const;
  SmallVector<Scalar> getScalars(ValueRange values) const;
  SmallVector<int64_t> getIndices(ValueRange values) const;
  /// The value of an operand; moved out of the frame if this is the value's
  /// last use, so that writing to it does not copy.
  Value take(OpOperand &operand);

  void set(mlir::Value value, Value content) {
    values[value] = std::move(content);
  }
  /// A scalar result.
  void set(mlir::Value value, Scalar scalar) {
    set(value, Tensor::scalar(value.getType(), scalar));
  }

  /// Evaluates a region of one block with these arguments; returns what its
  /// terminator yields.
  FailureOr<SmallVector<Value>> runRegion(Region &region,
                                          SmallVector<Value> arguments);
  FailureOr<SmallVector<Value>> runBlock(Block &block,
                                         SmallVector<Value> arguments);

  /// The point of the enclosing linalg loop, for linalg.index, while a body is
  /// interpreted operation by operation.
  SmallVector<int64_t> loopIndex;

private:
  LogicalResult run(Operation &op);
  /// The values of the operation's block that are not read after it.
  ArrayRef<mlir::Value> getDying(Operation *op);

  const EvaluatorOptions &options;
  unsigned depth;
  DenseMap<mlir::Value, Value> values;
  DenseMap<Operation *, SmallVector<mlir::Value, 2>> dying;
  llvm::SmallPtrSet<Block *, 8> analyzed;
};

} // namespace mlir::qfmt::reference

#endif // QFMT_LIB_REFERENCE_FRAME_H
