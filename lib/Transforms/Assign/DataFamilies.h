//===- DataFamilies.h - Which member of a family data gets ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Damages are about weights first. So where a candidate has a family of formats
// for data, a layer gets one member before the problem is built: that with the
// least squared error of what calibration saw of the tensors which it reads,
// with scales by `calibration=mse`. Layers that read the same tensor or the
// same weights, or have the same `qfmt.tie`, get one member, by the sum of
// errors relative to the tensors' energies.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_DATAFAMILIES_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_DATAFAMILIES_H

#include "../FormatFamily.h"
#include "../Layers.h"

namespace mlir::qfmt {

/// The choices of each layer without `qfmt.candidates`, in the order of the
/// candidates; one that occurs twice stands at its first place. Fails with a
/// diagnostic at a layer whose data has no statistics, if they are needed.
FailureOr<std::vector<SmallVector<FormatChoice>>>
expandFamilies(ArrayRef<Layer> layers, ArrayRef<CandidateFamily> families);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_DATAFAMILIES_H
