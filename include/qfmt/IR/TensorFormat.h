// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interface of tensor formats: encodings that say of which constituents a
// tensor consists.

#ifndef QFMT_IR_TENSORFORMAT_H
#define QFMT_IR_TENSORFORMAT_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TensorEncoding.h"

namespace mlir::qfmt {

/// One of the ordinary tensors that an encoded tensor consists of.
struct Constituent {
  /// What it is, for argument names and diagnostics: "payload", "scale",
  /// "scale.scale", "zero_point".
  std::string name;
  /// Its number format: how a stored code is read.
  Type format;
  /// Its type as a value: the storage type of `format`, no encoding.
  RankedTensorType type;
};

} // namespace mlir::qfmt

#include "qfmt/IR/TensorFormat.h.inc"

#endif // QFMT_IR_TENSORFORMAT_H
