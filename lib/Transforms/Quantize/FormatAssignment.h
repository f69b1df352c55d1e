//===- FormatAssignment.h - Formats of activations --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which number format and which scale each observed tensor gets, and with which
// scale a layer reads it in a format of the layer's own.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_QUANTIZE_FORMATASSIGNMENT_H
#define QFMT_LIB_TRANSFORMS_QUANTIZE_FORMATASSIGNMENT_H

#include "LayerFormats.h"
#include "Plan.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/IntEqClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::qfmt {

/// The observers whose tensors `value` is made of, through moves and
/// selections.
void collectSources(Value value, SmallVectorImpl<ObserveOp> &sources);

/// Gives every observer a format, or none. Observers share one if one's values
/// are a selection of the other's (max pooling), or if both meet in a concat:
/// then the codes move, too.
///
/// A tensor that not only layers read has the plan's shared format. One that
/// only layers read has the widest of the formats that they ask for, the first
/// of equally wide ones: if this is a number format. Otherwise it stays real
/// and every layer rounds what it reads.
class FormatAssignment {
public:
  FormatAssignment(ModuleOp module, const Plan &plan,
                   const LayerFormats &layers);

  LogicalResult assign();

  /// The format of the codes; null if the tensor stays real.
  ScaledAttr lookup(ObserveOp op) const { return observers.lookup(op); }
  /// The one in which this tensor and those tied to it meet; null: as reals.
  ScaledAttr lookupShared(ObserveOp op) const {
    return groups[getGroup(op)].shared;
  }
  /// In which `layer`, whose data has a number format, reads a tensor that is
  /// made of this one and has codes of the format `own` (null: is real).
  ScaledAttr lookupRead(ObserveOp op, const LayerFormat &layer,
                        ScaledAttr own) const;

private:
  struct Group {
    ScaledAttr shared;
    /// The same range in the number formats that layers read.
    llvm::DenseMap<Type, ScaledAttr> read;
  };
  struct Readers {
    bool hasOthers = false;
    SmallVector<const LayerFormat *> layers;
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
  LogicalResult assignGroup(unsigned group);
  void collectReaders(Value value, Readers &readers) const;
  NumberFormat chooseFormat(Readers &readers) const;
  ScaledAttr computeFormat(ArrayRef<ObserveOp> sources,
                           NumberFormat format) const;

  const Plan &plan;
  const LayerFormats &layers;
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
