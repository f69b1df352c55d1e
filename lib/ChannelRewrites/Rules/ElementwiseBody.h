// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an element-wise operation computes of the tensors that are not constant.

#ifndef QFMT_LIB_CHANNELREWRITES_RULES_ELEMENTWISEBODY_H
#define QFMT_LIB_CHANNELREWRITES_RULES_ELEMENTWISEBODY_H

#include "../../Transforms/AffineBody.h"
#include "../ChannelMap.h"
#include "../ExactConstants.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::qfmt {

/// a x + b, where a and b are constants that vary along some loops.
struct AffineOp {
  /// All loops that the channels or the constants have, ascending.
  SmallVector<int64_t> loops, shape;
  Affine affine;
  bool multiplies = false, adds = false;
};

/// One element-wise operation.
class ElementwiseBody {
public:
  ElementwiseBody(Operation *operation, const ExactConstants &constants)
      : op(cast<linalg::LinalgOp>(operation)), constants(constants) {
    for (OpOperand *input : op.getDpsInputOperands())
      if (!constants.read(input->get()) && !isScalarConstant(input->get()))
        variables.push_back(input);
  }

  linalg::LinalgOp getOp() const { return op; }
  ArrayRef<OpOperand *> getVariables() const { return variables; }
  AffineMap getMap(OpOperand *operand) const {
    return op.getMatchingIndexingMap(operand);
  }
  /// The computed tensor that is read, if there is only one, and it is indexed
  /// in one way.
  OpOperand *getOnlyVariable() const {
    if (variables.empty())
      return nullptr;
    for (OpOperand *variable : variables)
      if (variable->get() != variables[0]->get() ||
          getMap(variable) != getMap(variables[0]))
        return nullptr;
    return variables[0];
  }
  /// As a function of that; on at least the loops `axes`.
  std::optional<AffineOp> getAffine(ArrayRef<int64_t> axes) const;

  /// The only operation of the body, of two different variables.
  Operation *getBinary() const;
  OpOperand *getOperandOf(Value scalar) const {
    return op.getMatchingOpOperand(cast<BlockArgument>(scalar));
  }
  /// True if the body is multiplied by t if all variables are, t > 0.
  bool isHomogeneous() const {
    return !variables.empty() &&
           isHomogeneous(op.getBlock()->getTerminator()->getOperand(0));
  }
  bool isIndexed(OpOperand *operand, const ChannelMap &map) const {
    return llvm::any_of(map.axes, [&](int64_t loop) {
      return getMap(operand).isFunctionOfDim(loop);
    });
  }
  /// An operation asks for the index of a loop that changes its order.
  bool knowsIndexOf(const ChannelMap &map) const;

private:
  static bool isScalarConstant(Value value) {
    return readConstantScalar(value).has_value();
  }
  bool isHomogeneous(Value value) const;

  /// Its methods are not const.
  mutable linalg::LinalgOp op;
  const ExactConstants &constants;
  SmallVector<OpOperand *> variables;
};

/// True if the scale of a computed tensor can go into constants, as far as one
/// can see: of two factors that one takes it.
bool absorbsScale(Value value, const ExactConstants &constants,
                  unsigned depth = 8);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_RULES_ELEMENTWISEBODY_H
