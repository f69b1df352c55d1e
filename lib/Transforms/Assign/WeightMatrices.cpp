// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WeightMatrices.h"

using namespace mlir;
using namespace mlir::qfmt;

WeightMatrices WeightMatrices::get(const WeightedSum &sum) {
  linalg::LinalgOp op = sum.op;
  AffineMap data = op.getMatchingIndexingMap(sum.data);
  AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  AffineMap weights = op.getMatchingIndexingMap(sum.weights);

  WeightMatrices matrices;
  matrices.strides.resize(weights.getNumResults());
  // Lays out the dimensions that belong together, the last one innermost.
  auto lay = [&](int64_t unit, auto belongs) {
    int64_t size = 1;
    for (int64_t dim = weights.getNumResults() - 1; dim >= 0; --dim) {
      unsigned loop = weights.getDimPosition(dim);
      if (!belongs(result.isFunctionOfDim(loop), data.isFunctionOfDim(loop)))
        continue;
      matrices.strides[dim] = unit * size;
      size *= sum.values.getShape()[dim];
    }
    return size;
  };
  matrices.depth = lay(1, [](bool inResult, bool) { return !inResult; });
  matrices.outputs = lay(matrices.depth, [](bool inResult, bool inData) {
    return inResult && !inData;
  });
  matrices.groups =
      lay(matrices.depth * matrices.outputs,
          [](bool inResult, bool inData) { return inResult && inData; });
  return matrices;
}

std::vector<double> WeightMatrices::arrange(ArrayRef<int64_t> shape,
                                            ArrayRef<double> elements) const {
  std::vector<double> arranged(elements.size());
  const double *element = elements.data();
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    int64_t position = 0;
    for (auto [entry, stride] : llvm::zip_equal(index, strides))
      position += entry * stride;
    arranged[position] = *element++;
  });
  return arranged;
}
