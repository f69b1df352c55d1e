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
/// takes the form that it can read, layers that of their own format.
class ActivationRewriter {
public:
  ActivationRewriter(RewriterBase &rewriter, const FormatAssignment &formats,
                     const LayerFormats &layers)
      : rewriter(rewriter), formats(formats), layers(layers) {}

  /// The number of tensors that are rounded at run time.
  unsigned rewrite(ModuleOp module);

private:
  /// The encoded form of a tensor.
  struct Encoding {
    /// Null if it stays real.
    Value codes;
    /// An observer whose tensor it is made of: the others have the same range.
    ObserveOp source;
  };
  /// A form in which layers read a tensor.
  struct Read {
    OperandEncoding encoding;
    Value value;
  };

  void encodeResult(Operation *op);
  Value quantize(Value real, const OperandEncoding &encoding);
  std::optional<Encoding> move(Operation *op);
  Value convert(Value encoded, const OperandEncoding &encoding);
  FailureOr<Value> getPadding(tensor::PadOp op, TensorFormat format);
  OperandEncoding getReadEncoding(const LayerFormat &layer,
                                  const Encoding &tensor) const;
  Value read(const LayerFormat &layer, Value real, const Encoding &tensor,
             SmallVectorImpl<Read> &known);
  void replaceUses(Value real, const Encoding &encoding);
  void quantizeUnobserved();

  RewriterBase &rewriter;
  const FormatAssignment &formats;
  const LayerFormats &layers;
  llvm::MapVector<Value, Encoding> encodings;
  /// What encoded operations stand for now.
  llvm::SetVector<Operation *> replaced;
  unsigned numQuantized = 0;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_QUANTIZE_ACTIVATIONREWRITER_H
