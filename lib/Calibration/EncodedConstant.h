//===- EncodedConstant.h - Constituents computed at compile time *- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bytes that compiled code writes for the constituents of an encoded
// tensor, and the `assemble` of constants that they become.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CALIBRATION_ENCODEDCONSTANT_H
#define QFMT_LIB_CALIBRATION_ENCODEDCONSTANT_H

#include "mlir/IR/AsmState.h"
#include "mlir/IR/PatternMatch.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Runtime/CompiledFunction.h"

namespace mlir::qfmt {

/// One constituent as it is computed: an element takes whole bytes.
struct ConstituentData {
  RankedTensorType type;
  AsmResourceBlob blob;
};

class EncodedConstant {
public:
  /// Memory for the constituents of a tensor of this type, which are the first
  /// outputs of `function`: they may have more or fewer rows there.
  EncodedConstant(EncodedTensorType type, const FunctionSignature &function);

  EncodedTensorType getType() const { return type; }
  MutableArrayRef<ConstituentData> getParts() { return parts; }
  ArrayRef<ConstituentData> getParts() const { return parts; }

  /// `op` becomes `assemble` of constants named after its input's resource; its
  /// input goes if nothing else reads it. Empties this.
  void replace(QuantizeOp op, RewriterBase &rewriter);
  /// The same `assemble`, beside `op`, which stays.
  Value create(QuantizeOp op, OpBuilder &builder);

private:
  EncodedTensorType type;
  SmallVector<ConstituentData> parts;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CALIBRATION_ENCODEDCONSTANT_H
