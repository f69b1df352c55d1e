//===- QuantizedWeights.h - Weights, their codes and their grid -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights of one layer as `quantize` encodes them in #qfmt.scaled or
// #qfmt.select, and all that they might become instead with the same scales and
// zero points: what weight rounding (qfmt/WeightRounding) works on.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CALIBRATION_QUANTIZEDWEIGHTS_H
#define QFMT_LIB_CALIBRATION_QUANTIZEDWEIGHTS_H

#include "LayerWeights.h"
#include "qfmt/WeightRounding/WeightRounding.h"

namespace mlir::qfmt {

class QuantizedWeights : public LayerWeights {
public:
  /// Why the elements of an encoding have no grid that is known in advance;
  /// empty if they have: number formats have at most 16 bits.
  static StringRef getObstacle(TensorFormat format);

  /// Runs the operation; `function` is QuantizeCompiler's.
  QuantizedWeights(const WeightedSum &sum, QuantizeOp op,
                   const CompiledFunction &function);

  /// The grid of a matrix; elements are numbered within the matrix.
  LevelGrid makeGrid(int64_t group) const;
  /// As `quantize` rounds.
  Levels getNearest(int64_t group) const;

  /// Sets of columns that share a block in each row, if scales can be chosen
  /// for each row and set anew; empty if not, or if there is only one set.
  std::vector<SmallVector<int64_t>> getColumnSets() const;
  /// Sets the scales, zero points and number formats of the columns of `set`,
  /// one of getColumnSets, in `grid` to those that `quantize` would give them
  /// if the weights were `current`.
  void chooseScales(ArrayRef<int64_t> set, ArrayRef<double> current,
                    LevelGrid &grid);
  /// What blocks of the row have is from now on what chooseScales gave last.
  void acceptScales(int64_t row);

  /// What blocks of #qfmt.select may have instead: each of its number
  /// formats with the scale that it would have alone (the nearest one if scales
  /// have scales), and with the scale of now. Empty for #qfmt.scaled; fails
  /// if `quantize` cannot be compiled, with a diagnostic.
  FailureOr<std::vector<BlockChoice>> getChoices(QuantizeOp op,
                                                 QuantizeCompiler &compiler);
  /// The block has what the choice says.
  void acceptChoice(const BlockChoice &choice);

  /// Codes for the levels.
  void setLevels(int64_t group, ArrayRef<uint32_t> levels);

private:
  /// The finite values of a number format, and their codes.
  struct Values {
    NumberFormat number;
    std::vector<double> levels;
    std::vector<uint64_t> codes;

    explicit Values(NumberFormat number);
  };

  void setBlock(int32_t block, const EncodedConstant &parts, double scale,
                LevelGrid &grid) const;
  /// Which of `formats` the block has.
  unsigned readFormat(const EncodedConstant &parts, int32_t block) const;
  double readZeroPoint(const EncodedConstant &parts, int32_t block) const;
  /// The scale nearest to `scale` that the block can have while those of others
  /// stay, and its code; none if there is none but that of now.
  struct ScaleCode {
    double scale;
    uint64_t code;
  };
  std::optional<ScaleCode> findScale(int32_t block, double scale) const;
  /// Those that `op` would give the weights in another format.
  FailureOr<std::vector<double>>
  computeScales(QuantizeOp op, ScaledAttr format,
                QuantizeCompiler &compiler) const;
  /// Copies what the constituents but the payload say of the block.
  void copyBlock(int32_t block, const EncodedConstant &from,
                 EncodedConstant &to) const;

  /// Of #qfmt.select several.
  std::vector<Values> formats;
  /// With what chooseScales has chosen.
  EncodedConstant chosenCodes;
  std::vector<double> chosenScales;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CALIBRATION_QUANTIZEDWEIGHTS_H
