//===- WeightRewriter.h - From constant weights to codes --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights of convolutions and matrix products as `assemble` of codes and
// scales if they are integers with a scale from their largest magnitude (or
// `convert` of such if they have a master), else as `quantize` of the constant,
// which qfmt-encode-constants carries out.
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
  /// `computeCodes`: those of integers; if not, only nested weights have codes.
  WeightRewriter(RewriterBase &rewriter, bool computeCodes)
      : rewriter(rewriter), computeCodes(computeCodes) {}

  /// Fails with a diagnostic if a weight is NaN or infinite, or if the format
  /// does not fit the shape.
  LogicalResult rewrite(const WeightedSum &sum, const OperandFormat &format);

  unsigned getNumWeights() const { return encodings.size(); }
  uint64_t getNumBytes() const { return numBytes; }

private:
  Value encode(const WeightedSum &sum, const OperandFormat &format,
               const OperandEncoding &encoding);
  /// Codes of the integers `format`, one scale a channel: those of `encoding`,
  /// or those of its master and what is rounded from them.
  Value assemble(const WeightedSum &sum, NumberFormat format,
                 const OperandEncoding &encoding);
  Value quantize(const WeightedSum &sum, const OperandEncoding &encoding);
  Value createConstant(Location loc, ElementsAttr elements);
  /// The constants of these values, one for all that are equal: functions that
  /// read the same weights have constants of their own, but one attribute, so
  /// that the module stores it once. Scales are numbers of f32.
  ElementsAttr makeCodes(RankedTensorType type, std::vector<int64_t> codes,
                         StringRef name);
  ElementsAttr makeScales(RankedTensorType type,
                          const std::vector<double> &scales, StringRef name);
  template <typename T>
  ElementsAttr
  share(RankedTensorType type, const std::vector<T> &values,
        function_ref<std::optional<std::vector<T>>(Attribute)> read,
        function_ref<ElementsAttr()> make);

  RewriterBase &rewriter;
  bool computeCodes;
  /// Weights that several operations read in the same way are encoded once:
  /// by the constant, the encoded type, the master's encoding and the scale
  /// rule.
  using Key = std::tuple<Value, Type, Attribute, ScaleRule>;
  llvm::MapVector<Key, Value> encodings;
  llvm::DenseMap<size_t, SmallVector<ElementsAttr, 1>> constantsByHash;
  uint64_t numBytes = 0;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_QUANTIZE_WEIGHTREWRITER_H
