// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What passes from encoded tensors to other dialects share.

#ifndef QFMT_CONVERSION_ENCODEDVALUES_H
#define QFMT_CONVERSION_ENCODEDVALUES_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::qfmt {

/// Lets linalg operations read their encoded inputs through `dequantize`,
/// unless they have an encoded result or `keeps` is true for them.
void dequantizeLinalgInputs(
    Operation *root, function_ref<bool(linalg::LinalgOp)> keeps =
                         [](linalg::LinalgOp) { return false; });

/// An encoded tensor becomes the values of its constituents.
struct ConstituentValueTypes : TypeConverter {
  ConstituentValueTypes();
};

/// Patterns for `assemble` and `constituents`, which are nothing then, and for
/// functions and control flow.
void populateConstituentValues(const ConstituentValueTypes &types,
                               RewritePatternSet &patterns,
                               ConversionTarget &target);

} // namespace mlir::qfmt

#endif // QFMT_CONVERSION_ENCODEDVALUES_H
