// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes of fp8 that tensor cores read, found by what a body computes from them.

#ifndef QFMT_CODEGEN_PRODUCTS_FLOAT8CODES_H
#define QFMT_CODEGEN_PRODUCTS_FLOAT8CODES_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"

namespace mlir::qfmt {

/// f8E4M3FN or f8E5M2, if `number`, of f32, is that of `code`, its one
/// argument, for all 256 codes; null otherwise.
FloatType getFloat8Format(Value number, BlockArgument code);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_FLOAT8CODES_H
