//===- WeightRewriter.h - From constant weights to codes --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights of convolutions and matrix products as `assemble` of codes and
// scales.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_QUANTIZE_WEIGHTREWRITER_H
#define QFMT_LIB_TRANSFORMS_QUANTIZE_WEIGHTREWRITER_H

#include "../WeightedSum.h"
#include "mlir/IR/PatternMatch.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::qfmt {

/// Encodes constant weights, one scale a channel, symmetric.
class WeightRewriter {
public:
  WeightRewriter(RewriterBase &rewriter, NumberFormat format)
      : rewriter(rewriter), format(format) {}

  /// Fails with a diagnostic if a weight is NaN or infinite.
  LogicalResult rewrite(const WeightedSum &sum);

  unsigned getNumWeights() const { return encodings.size(); }
  uint64_t getNumBytes() const { return numBytes; }

private:
  /// One scale for each entry of the weights along their channels.
  ScaledAttr getFormat(const WeightedSum &sum) const;
  FailureOr<Value> encode(const WeightedSum &sum, EncodedTensorType type);
  Value createConstant(Location loc, ElementsAttr elements);

  RewriterBase &rewriter;
  NumberFormat format;
  /// Weights that several operations read in the same way are encoded once.
  llvm::MapVector<std::pair<Value, Type>, Value> encodings;
  uint64_t numBytes = 0;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_QUANTIZE_WEIGHTREWRITER_H
