//===- PairwiseTerms.h - What two layers do together ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Damage of two layers beyond the sum of what each does alone. It comes from
// where the damages of single layers come from: with damage=given from
// `qfmt.pairwise`, with damage=measured from the file.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_PAIRWISETERMS_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_PAIRWISETERMS_H

#include "mlir/IR/BuiltinOps.h"
#include "qfmt/Assignment/Problem.h"

namespace mlir::qfmt {

/// Those of `qfmt.pairwise` of the module and its functions, with formats as
/// FormatChoice::str writes them. Fails with a diagnostic at the operation if
/// one is no format.
FailureOr<std::vector<assignment::PairwiseTerm>>
readPairwiseAttrs(ModuleOp module);

/// Adds the terms to a problem that has its groups. Those that never count,
/// because a layer may not have the format, are left out; names that are no
/// layers are left for assignment::Problem::check to refuse.
void addPairwiseTerms(ArrayRef<assignment::PairwiseTerm> terms,
                      assignment::Problem &problem);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_PAIRWISETERMS_H
