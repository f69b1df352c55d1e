//===- MomentLookup.h - The second moments of one layer ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_MOMENTLOOKUP_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_MOMENTLOOKUP_H

#include "LayerTables.h"
#include "WeightMatrices.h"

namespace mlir::qfmt {

/// The moments of the layer `name`, which `op` is: `groups` matrices of depth x
/// depth. Fails with a diagnostic at the operation if `table`, which was read
/// from `file`, has none, or of another shape.
FailureOr<ArrayRef<double>> findMoments(const MomentTable &table,
                                        StringRef file, StringRef name,
                                        linalg::LinalgOp op,
                                        const WeightMatrices &matrices);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_MOMENTLOOKUP_H
