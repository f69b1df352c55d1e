// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What integerization proves of its results.

#ifndef QFMT_IR_CERTIFICATE_H
#define QFMT_IR_CERTIFICATE_H

#include "llvm/ADT/StringRef.h"

namespace mlir::qfmt {

/// Discardable f64 attribute of the operation that computes the codes of a
/// quantized tensor: for each element |scale * (code - zero_point) - real| is
/// at most this, where `real` is what real arithmetic, without any rounding,
/// computes from the same encoded operands, clamped to the format's range.
inline constexpr llvm::StringLiteral kErrorBoundAttr = "qfmt.error_bound";

} // namespace mlir::qfmt

#endif // QFMT_IR_CERTIFICATE_H
