//===- WeightRounder.h - Rounding the weights of one layer ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What qfmt-round-weights does for each kind of encoding: it changes the codes
// that `quantize` has given such that no row loses more.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CALIBRATION_WEIGHTROUNDER_H
#define QFMT_LIB_CALIBRATION_WEIGHTROUNDER_H

#include "AdditiveWeights.h"
#include "QuantizedWeights.h"
#include "qfmt/Calibration/WeightRoundingMethod.h"
#include <numeric>

namespace mlir::qfmt {

/// What the options of the pass say.
struct RoundingSettings {
  WeightRoundingMethod method;
  /// The file with the moments.
  StringRef file;
  double damping;
  unsigned sweeps;
  unsigned beam;
};

/// What the three ways of rounding lose.
struct RoundingLosses {
  double nearest = 0, gptq = 0, learned = 0;
};

/// `moments`: of each matrix [depth][depth]. Fails with a diagnostic at `op`,
/// the layer, if they are not positive definite. `quantize` is what `weights`
/// are of.
FailureOr<RoundingLosses> roundLevels(linalg::LinalgOp op, QuantizeOp quantize,
                                      QuantizedWeights &weights,
                                      ArrayRef<double> moments,
                                      QuantizeCompiler &compiler,
                                      const RoundingSettings &settings);
FailureOr<RoundingLosses> roundVectors(linalg::LinalgOp op,
                                       AdditiveWeights &weights,
                                       ArrayRef<double> moments,
                                       const RoundingSettings &settings);

/// The problem of one of the matrices.
inline RoundingProblem getProblem(const LayerWeights &weights, int64_t group,
                                  ArrayRef<double> moments) {
  const WeightMatrices &matrices = weights.getMatrices();
  int64_t size = matrices.depth * matrices.depth;
  return {matrices.outputs, matrices.depth, weights.getWeights(group),
          moments.slice(group * size, size)};
}

inline LogicalResult emitNotDefinite(linalg::LinalgOp op,
                                     const RoundingSettings &settings) {
  return op.emitOpError()
         << "has moments in '" << settings.file
         << "' that are not positive definite, as those of data are; option "
            "'damping' adds to their diagonal";
}

inline double sumLosses(ArrayRef<double> losses) {
  return std::accumulate(losses.begin(), losses.end(), 0.0);
}

} // namespace mlir::qfmt

#endif // QFMT_LIB_CALIBRATION_WEIGHTROUNDER_H
