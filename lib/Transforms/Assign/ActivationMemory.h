//===- ActivationMemory.h - Tensors that live at the same time --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model of the memory that activations take: what is stored are the observed
// tensors, each from the operation that computes it until everything is
// computed that is made of it without being stored in between. So the data of a
// convolution lives until the relu after it is done. Accumulators, copies that
// moves make and conversions for single readers are not counted.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_ACTIVATIONMEMORY_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_ACTIVATIONMEMORY_H

#include "../Layers.h"

namespace mlir::qfmt {

/// A tensor that is stored.
struct StoredTensor {
  ObserveOp observer;
  /// Indices of the layers that read it, also through moves and selections that
  /// are not stored, ascending.
  SmallVector<unsigned> layers;
  /// True if anything but layers reads it, too.
  bool hasOtherReaders = false;
};

/// Tensors that live at the same time.
struct Moment {
  /// The id of the observer whose tensor is being computed.
  std::string name;
  /// Indices of tensors, ascending.
  SmallVector<unsigned> live;
};

struct ActivationMemory {
  std::vector<StoredTensor> tensors;
  /// In the order of the program; none whose tensors all live at another one.
  std::vector<Moment> moments;

  /// Fails with a diagnostic if there are no observers, or if a tensor has a
  /// dynamic size.
  static FailureOr<ActivationMemory> analyze(ModuleOp module,
                                             ArrayRef<Layer> layers);
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_ACTIVATIONMEMORY_H
