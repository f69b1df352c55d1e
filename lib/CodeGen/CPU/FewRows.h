// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of a few rows of bytes and a constant of fewer bits, as products of
// one group:
//
//   sums[m, n, 0] = sum over k of lhs[m, k] * rhs[n, 0, k]    signed bytes
//   out[m, n]     = init[m, n] + sums[m, n, 0]
//
// What qfmt-groups-to-vectors does with them unpacks codes in registers, for
// each tile of six rows, and with one row leaves them in place where it can.

#ifndef QFMT_LIB_CODEGEN_CPU_FEWROWS_H
#define QFMT_LIB_CODEGEN_CPU_FEWROWS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/Products/IntegerProduct.h"

namespace mlir::qfmt {

/// True if so few rows of `product`, a matrix, or an unknown number, are
/// multiplied that codes are best unpacked in registers.
bool hasFewRows(const IntegerProduct &product);

/// How the first factor's codes are read as signed bytes: unsigned ones less
/// 128.
CodeReading getSignedReading(bool isUnsigned);

/// init + the product of the first factor, read so, and `rhs`, N x 1 x K.
Value emitProductOfFewRows(ImplicitLocOpBuilder &b,
                           const IntegerProduct &product, bool isUnsigned,
                           Value rhs, Value init);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_FEWROWS_H
