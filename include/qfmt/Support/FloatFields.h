//===- FloatFields.h - Fields of a binary float -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_SUPPORT_FLOATFIELDS_H
#define QFMT_SUPPORT_FLOATFIELDS_H

namespace mlir::qfmt {

/// What a multiplier gets to see of a float. bf16: 8 and 8.
struct FloatFields {
  /// With the leading bit that codes do not store, without the sign.
  unsigned significandBits;
  unsigned exponentBits;
};

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_FLOATFIELDS_H
