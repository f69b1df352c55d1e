// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interface of tensor formats: encodings that say of which constituents a
// tensor consists.

#ifndef QFMT_IR_TENSORFORMAT_H
#define QFMT_IR_TENSORFORMAT_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TensorEncoding.h"
#include "qfmt/Support/Rounding.h"

namespace mlir::qfmt {

/// One of the ordinary tensors that an encoded tensor consists of.
struct Constituent {
  /// What it is, for argument names and diagnostics: "payload", "scale",
  /// "scale.scale", "zero_point", "selector", "tables".
  std::string name;
  /// Its number format: how a stored code is read.
  Type format;
  /// Its type as a value: the storage type of `format`, no encoding.
  RankedTensorType type;
};

/// Bits of the elements of `parts` (of static shapes), packed without gaps: N
/// each for a format of N bits, or a byte for every five in base 3.
uint64_t getPackedBits(llvm::ArrayRef<Constituent> parts);

/// What `quantize` or `convert` ask of the format of their result.
struct EncodeRequest {
  RoundingMode rounding = RoundingMode::HalfEven;
  OverflowMode overflow = OverflowMode::Saturate;
  NaNMode nan = NaNMode::Zero;
  ScaleRule scaleRule = ScaleRule::AbsMax;
  bool isStochastic = false;
  /// True if all constituents but the payload are given.
  bool isGiven = false;
};

} // namespace mlir::qfmt

#include "qfmt/IR/TensorFormat.h.inc"

#endif // QFMT_IR_TENSORFORMAT_H
