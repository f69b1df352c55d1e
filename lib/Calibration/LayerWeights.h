//===- LayerWeights.h - Weights and what quantize makes of them -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights of one layer, as matrices (WeightMatrices.h), and the
// constituents that its compiled `quantize` computes from them or from other
// weights.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CALIBRATION_LAYERWEIGHTS_H
#define QFMT_LIB_CALIBRATION_LAYERWEIGHTS_H

#include "../Transforms/Assign/WeightMatrices.h"
#include "EncodedConstant.h"
#include "QuantizeCompiler.h"

namespace mlir::qfmt {

class LayerWeights {
public:
  const WeightMatrices &getMatrices() const { return matrices; }
  /// Elements of one of the `groups` matrices.
  int64_t getMatrixSize() const { return matrices.outputs * matrices.depth; }
  /// One of the `groups` matrices, as WeightMatrices::arrange orders them.
  ArrayRef<double> getWeights(int64_t group) const {
    return ArrayRef(weights).slice(group * getMatrixSize(), getMatrixSize());
  }
  EncodedConstant takeCodes() { return std::move(codes); }

protected:
  /// Runs the operation; `function` is QuantizeCompiler's, `given` are the
  /// bytes of its inputs but the first.
  LayerWeights(const WeightedSum &sum, QuantizeOp op,
               const CompiledFunction &function,
               std::vector<std::vector<char>> given = {});

  ArrayRef<int64_t> getShape() const { return codes.getType().getShape(); }

  /// What `quantize` makes of arranged weights: constituents, and the scale of
  /// each block.
  void run(ArrayRef<double> arranged, EncodedConstant &result,
           std::vector<double> &scales) const {
    run(function, arranged, result, scales);
  }
  /// The same of another format with the same blocks.
  void run(const CompiledFunction &function, ArrayRef<double> arranged,
           EncodedConstant &result, std::vector<double> &scales) const;

  /// The code at `index` of a constituent of `parts`, of as many bits as count.
  uint64_t readCode(const EncodedConstant &parts, size_t constituent,
                    int64_t index) const;
  void writeCode(size_t constituent, int64_t index, uint64_t code);
  unsigned getBytes(size_t constituent) const {
    return function.getSignature().outputs[constituent].element.getBytes();
  }

  const CompiledFunction &function;
  WeightMatrices matrices;
  /// Arranged.
  std::vector<double> weights;
  /// Of each arranged element its place in the tensor, and its block.
  std::vector<int64_t> places;
  std::vector<int32_t> blockOf;
  int32_t numBlocks;
  /// By `quantize` of the weights; scales by block.
  EncodedConstant codes;
  std::vector<double> scales;

private:
  void findBlocks();

  std::vector<std::vector<char>> given;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CALIBRATION_LAYERWEIGHTS_H
