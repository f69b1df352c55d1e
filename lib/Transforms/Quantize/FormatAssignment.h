//===- FormatAssignment.h - Formats of activations --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which number format and which scale each observed tensor gets.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_QUANTIZE_FORMATASSIGNMENT_H
#define QFMT_LIB_TRANSFORMS_QUANTIZE_FORMATASSIGNMENT_H

#include "Plan.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/IntEqClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::qfmt {

/// The observers whose tensors `value` is made of, through moves and
/// selections.
void collectSources(Value value, SmallVectorImpl<ObserveOp> &sources);

/// Gives every observer a format. Observers share one if one's values are a
/// selection of the other's (max pooling), or if both meet in a concat: then
/// the codes move, too.
class FormatAssignment {
public:
  /// `weighted`: the operands that contractions with constant weights read.
  FormatAssignment(ModuleOp module, const Plan &plan,
                   const llvm::DenseSet<OpOperand *> &weighted);

  LogicalResult assign();

  /// The format of the codes.
  ScaledAttr lookup(ObserveOp op) const { return observers.lookup(op); }
  /// The one in which this tensor and those tied to it meet.
  ScaledAttr lookupShared(ObserveOp op) const {
    return groups[getGroup(op)].shared;
  }
  /// In which contractions with constant weights read a tensor that is made of
  /// this one and has codes of the given format.
  ScaledAttr lookupNarrow(ObserveOp op, ScaledAttr format) const {
    return isTooWide(format) ? groups[getGroup(op)].narrow : format;
  }

private:
  struct Group {
    ScaledAttr shared;
    /// The same range in the format of the plan's activations, if the shared
    /// one is wider.
    ScaledAttr narrow;
  };

  void tie(Operation *op);
  unsigned getPosition(ObserveOp op) const {
    return observers.find(op) - observers.begin();
  }
  unsigned getGroup(ObserveOp op) const { return ties[getPosition(op)]; }

  /// True for the argument of a public function when the plan fixes its format.
  bool isFixed(ObserveOp op) const;
  double getInputScale(ObserveOp op) const {
    return *plan.input.getStaticScale(op.getType().getElementType());
  }

  LogicalResult check(ObserveOp op) const;
  void assignGroup(unsigned group);
  bool isTooWide(ScaledAttr format) const;
  bool hasOtherReaders(Value value) const;
  ScaledAttr computeFormat(ArrayRef<ObserveOp> sources,
                           NumberFormat format) const;

  const Plan &plan;
  const llvm::DenseSet<OpOperand *> &weighted;
  llvm::MapVector<ObserveOp, ScaledAttr> observers;
  /// Of positions in `observers`.
  llvm::IntEqClasses ties;
  /// One a class of `ties`.
  std::vector<Group> groups;
  /// Observers whose tensor is a selection of other observed ones.
  llvm::SmallPtrSet<Operation *, 16> derived;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_QUANTIZE_FORMATASSIGNMENT_H
