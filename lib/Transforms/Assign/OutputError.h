//===- OutputError.h - Errors of results from those of weights --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What errors D of the weights do to the results of a layer whose data x has
// the second moments H = sum (or mean) of x x^T: the sum (or mean) of the
// squared errors of all results is the sum of d H d^T over the rows d of D.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_OUTPUTERROR_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_OUTPUTERROR_H

#include "WeightMatrices.h"

namespace mlir::qfmt {

/// `errors` as WeightMatrices::arrange orders them; `moments` are `groups`
/// matrices of depth x depth, row-major.
double getOutputError(const WeightMatrices &matrices, ArrayRef<double> errors,
                      ArrayRef<double> moments);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_OUTPUTERROR_H
