// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants of bytes of any shape.

#ifndef QFMT_CODEGEN_PRODUCTS_BYTETENSOR_H
#define QFMT_CODEGEN_PRODUCTS_BYTETENSOR_H

#include "mlir/IR/BuiltinAttributes.h"

namespace mlir::qfmt {

/// A constant of i8 of any shape with these bytes.
ElementsAttr makeByteTensor(MLIRContext *context, ArrayRef<int64_t> shape,
                            ArrayRef<uint8_t> bytes, StringRef name);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_BYTETENSOR_H
