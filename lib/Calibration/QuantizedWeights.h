//===- QuantizedWeights.h - Weights, their codes and their grid -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights of one layer as `quantize` encodes them, and all that they might
// become instead with the same scales and zero points: what weight rounding
// (qfmt/WeightRounding) works on. Matrices are those of WeightMatrices.h.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CALIBRATION_QUANTIZEDWEIGHTS_H
#define QFMT_LIB_CALIBRATION_QUANTIZEDWEIGHTS_H

#include "../Transforms/Assign/WeightMatrices.h"
#include "EncodedConstant.h"
#include "qfmt/WeightRounding/WeightRounding.h"
#include <map>
#include <memory>

namespace mlir::qfmt {

/// Compiles `quantize` operations, each shape and format once.
class QuantizeCompiler {
public:
  /// A function of the operation's input, whose outputs are the constituents
  /// and, if scales are constituents, what they denote, as f64. Null with a
  /// diagnostic if it cannot be compiled.
  const CompiledFunction *get(QuantizeOp op);

private:
  using Key = std::pair<const void *, const void *>;
  std::map<Key, std::unique_ptr<CompiledFunction>> functions;
};

class QuantizedWeights {
public:
  /// Why the elements of an encoding have no grid that is known in advance;
  /// empty if they have: it is #qfmt.scaled of a number format of at most 16
  /// bits.
  static StringRef getObstacle(TensorFormat format);

  /// Runs the operation; `function` is QuantizeCompiler's.
  QuantizedWeights(const WeightedSum &sum, QuantizeOp op,
                   const CompiledFunction &function);

  const WeightMatrices &getMatrices() const { return matrices; }
  /// One of the `groups` matrices, as WeightMatrices::arrange orders them.
  ArrayRef<double> getWeights(int64_t group) const;
  /// Its grid; elements are numbered within the matrix.
  LevelGrid makeGrid(int64_t group) const;
  /// As `quantize` rounds.
  Levels getNearest(int64_t group) const;

  /// Sets of columns that share a block in each row, if scales can be chosen
  /// for each row and set anew; empty if not, or if there is only one set.
  std::vector<SmallVector<int64_t>> getColumnSets() const;
  /// Sets the scales and zero points of the columns of `set`, one of
  /// getColumnSets, in `grid` to those that `quantize` would give them if the
  /// weights were `current`.
  void chooseScales(ArrayRef<int64_t> set, ArrayRef<double> current,
                    LevelGrid &grid);
  /// Scales and zero points of the row are from now on those that chooseScales
  /// gave last.
  void acceptScales(int64_t row);

  /// Codes for the levels.
  void setLevels(int64_t group, ArrayRef<uint32_t> levels);
  EncodedConstant takeCodes() { return std::move(codes); }

private:
  void run(ArrayRef<double> arranged, EncodedConstant &result,
           std::vector<double> &scales) const;
  void readLevels();
  void findBlocks(ArrayRef<int64_t> shape);
  double readZeroPoint(const EncodedConstant &parts, int32_t block) const;
  /// Copies what the constituents but the payload say of the block.
  void copyBlock(int32_t block, const EncodedConstant &from,
                 EncodedConstant &to) const;

  const CompiledFunction &function;
  ScaledAttr format;
  WeightMatrices matrices;
  /// Arranged.
  std::vector<double> weights;
  /// Of each arranged element its place in the tensor, and its block.
  std::vector<int64_t> places;
  std::vector<int32_t> blockOf;
  int32_t numBlocks;
  /// The finite values of the number format, and their codes.
  std::vector<double> levels;
  std::vector<uint64_t> levelCodes;
  /// By `quantize` of the weights, and with what chooseScales has chosen.
  EncodedConstant codes, chosenCodes;
  std::vector<double> scales, chosenScales;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CALIBRATION_QUANTIZEDWEIGHTS_H
