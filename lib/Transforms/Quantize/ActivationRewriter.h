//===- ActivationRewriter.h - From observers to codes -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes each `observe` a `quantize`, and everything that reads it read codes.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_QUANTIZE_ACTIVATIONREWRITER_H
#define QFMT_LIB_TRANSFORMS_QUANTIZE_ACTIVATIONREWRITER_H

#include "FormatAssignment.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::qfmt {

/// Rewrites observers and everything that reads them. First every f32 tensor
/// that has an encoded form gets it, in the order of the program; then each use
/// takes the form that it can read.
class ActivationRewriter {
public:
  /// `weighted`: the operands that contractions with constant weights read.
  ActivationRewriter(RewriterBase &rewriter, const FormatAssignment &formats,
                     const llvm::DenseSet<OpOperand *> &weighted)
      : rewriter(rewriter), formats(formats), weighted(weighted) {}

  /// The number of tensors that are rounded at run time.
  unsigned rewrite(ModuleOp module);

private:
  /// The encoded form of a tensor.
  struct Encoding {
    Value codes;
    /// In which contractions with constant weights read it.
    ScaledAttr narrow;
  };

  void encodeResult(Operation *op);
  Value quantize(Value real, ScaledAttr format);
  std::optional<Encoding> move(Operation *op);
  Value convert(Value encoded, TensorFormat format);
  FailureOr<Value> getPadding(tensor::PadOp op, TensorFormat format);
  void replaceUses(Value real, const Encoding &encoding);

  RewriterBase &rewriter;
  const FormatAssignment &formats;
  const llvm::DenseSet<OpOperand *> &weighted;
  llvm::MapVector<Value, Encoding> encodings;
  /// What encoded operations stand for now.
  llvm::SetVector<Operation *> replaced;
  unsigned numQuantized = 0;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_QUANTIZE_ACTIVATIONREWRITER_H
