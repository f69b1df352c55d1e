//===- AdditiveWeights.h - Weights as sums of vectors -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights of one layer as `quantize` encodes them in #qfmt.additive, and
// all that they might become instead with the same scales and tables.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CALIBRATION_ADDITIVEWEIGHTS_H
#define QFMT_LIB_CALIBRATION_ADDITIVEWEIGHTS_H

#include "LayerWeights.h"
#include "qfmt/WeightRounding/AdditiveGrid.h"

namespace mlir::qfmt {

class AdditiveWeights : public LayerWeights {
public:
  /// Why the operation, whose weights are those of `sum`, cannot be run; empty
  /// if it can: scales and tables are constants, and groups lie in a matrix.
  static StringRef getObstacle(const WeightedSum &sum, QuantizeOp op);

  /// Runs the operation; `function` is QuantizeCompiler's. None if its scales
  /// or tables have no data or are not finite.
  static std::optional<AdditiveWeights>
  get(const WeightedSum &sum, QuantizeOp op, const CompiledFunction &function);

  /// The grid of a matrix; elements and groups are numbered within it.
  AdditiveGrid makeGrid(int64_t group) const;
  /// As `quantize` rounds.
  AdditiveCodes getNearest(int64_t group) const;
  void setCodes(int64_t group, ArrayRef<uint32_t> codes);

private:
  AdditiveWeights(const WeightedSum &sum, QuantizeOp op,
                  const CompiledFunction &function,
                  std::vector<std::vector<char>> given);

  AdditiveAttr getFormat() const {
    return cast<AdditiveAttr>(Attribute(codes.getType().getFormat()));
  }

  /// The tables' entries as they are stored.
  std::vector<double> tables;
  /// [groups of the tensor][places]: arranged elements.
  std::vector<int64_t> elements;
  /// Of each matrix its groups.
  std::vector<std::vector<int64_t>> groupsOf;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CALIBRATION_ADDITIVEWEIGHTS_H
