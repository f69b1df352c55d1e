// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What passes that change the types of tensors share: the operations that
// neither compute nor look at elements, and so take any type.

#ifndef QFMT_CONVERSION_CARRYTYPES_H
#define QFMT_CONVERSION_CARRYTYPES_H

#include "mlir/Transforms/DialectConversion.h"

namespace mlir::qfmt {

/// Operations of the tensor dialect that change the place of elements, or
/// tell a size, and not their values.
bool movesElements(Operation *op);

/// movesElements, functions, calls and the control flow of scf and cf.
bool carriesTypes(Operation *op);

/// Patterns for all of carriesTypes; operations that `types` has nothing to
/// convert in are legal, also those of other dialects.
void populateCarriedTypes(const TypeConverter &types,
                          RewritePatternSet &patterns,
                          ConversionTarget &target);

/// A partial conversion that does not fold what it makes: the folders of quant
/// remove dcast(qcast(x)), as if the values were not rounded.
LogicalResult convertUnfolded(Operation *root, ConversionTarget &target,
                              RewritePatternSet &&patterns);

} // namespace mlir::qfmt

#endif // QFMT_CONVERSION_CARRYTYPES_H
