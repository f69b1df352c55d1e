//===- WeightRewriter.h - From constant weights to codes --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights of convolutions and matrix products as `assemble` of codes and
// scales if they are integers, else as `quantize` of the constant, which
// qfmt-encode-constants carries out.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_QUANTIZE_WEIGHTREWRITER_H
#define QFMT_LIB_TRANSFORMS_QUANTIZE_WEIGHTREWRITER_H

#include "../OperandEncoding.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::qfmt {

/// Encodes constant weights, each layer's in its format.
class WeightRewriter {
public:
  explicit WeightRewriter(RewriterBase &rewriter) : rewriter(rewriter) {}

  /// Fails with a diagnostic if a weight is NaN or infinite, or if the format
  /// does not fit the shape.
  LogicalResult rewrite(const WeightedSum &sum, const OperandFormat &format);

  unsigned getNumWeights() const { return encodings.size(); }
  uint64_t getNumBytes() const { return numBytes; }

private:
  /// Codes of an integer format, one scale a channel.
  Value assemble(const WeightedSum &sum, NumberFormat format,
                 EncodedTensorType type);
  Value quantize(const WeightedSum &sum, const OperandEncoding &encoding);
  Value createConstant(Location loc, ElementsAttr elements);

  RewriterBase &rewriter;
  /// Weights that several operations read in the same way are encoded once. The
  /// preset is part of the way: it has a scale rule.
  llvm::MapVector<std::tuple<Value, Type, const Preset *>, Value> encodings;
  uint64_t numBytes = 0;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_QUANTIZE_WEIGHTREWRITER_H
