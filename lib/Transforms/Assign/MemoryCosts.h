//===- MemoryCosts.h - Costs of activation memory ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bytes of stored tensors as costs of the formats in which layers read them. A
// tensor that only layers read is stored in the widest of their formats, one
// that anything else reads in a format which no layer decides. With m bytes in
// the narrowest candidate of all readers, the first of several layers costs
// what its format takes, each further one what that takes beyond m: together at
// least the widest, and exactly that if they are tied, or all but one read the
// narrowest.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_MEMORYCOSTS_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_MEMORYCOSTS_H

#include "ActivationMemory.h"
#include "LayerCandidates.h"

namespace mlir::qfmt {

/// The group of the tensors whose formats no layer decides.
inline constexpr StringLiteral kFixedTensorsGroup = "(other tensors)";

/// Adds one cost a moment to each choice of `problem`, whose group i is layer
/// i, and returns the costs' names. If there are tensors of fixed formats a
/// group of one choice carries them. Bytes are packed, with scales.
std::vector<std::string> addMemoryCosts(const ActivationMemory &memory,
                                        ArrayRef<Layer> layers,
                                        ArrayRef<LayerCandidates> candidates,
                                        NumberFormat otherActivations,
                                        assignment::Problem &problem);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_MEMORYCOSTS_H
