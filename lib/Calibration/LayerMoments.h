//===- LayerMoments.h - Second moments of what layers read ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A layer computes result[group, output, p] = weights[group, output, :] . x,
// where x = data[group, :] at the position p. Of all these vectors x, of all
// positions and samples, the second moments
//
//   H[group] = sum of x x^T     ([groups, depth, depth])
//
// say what errors of the weights do to the results: errors D of the rows change
// them by a squared error of D H D^T in all. What x is follows from the
// indexing maps: for convolutions the window, strides, dilations and padding
// included. Its order is that of the weights' dimensions.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CALIBRATION_LAYERMOMENTS_H
#define QFMT_LIB_CALIBRATION_LAYERMOMENTS_H

#include "../Transforms/Layers.h"
#include "qfmt/Runtime/Npz.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace mlir::qfmt {

/// Of one layer. Memory does not grow with the number of samples.
class LayerMoments {
public:
  /// Fails with a diagnostic at the layer if its data are not f32, if its sizes
  /// are dynamic, or if it sums its data without weights.
  static FailureOr<LayerMoments> create(const Layer &layer);

  /// Adds what one call of the layer reads: elements at data[index . strides].
  void record(const float *data, ArrayRef<int64_t> strides);

  /// Divided by `samples`: [depth, depth] if there is one group, else [groups,
  /// depth, depth], f8. Fails if a value was not finite.
  llvm::Expected<NamedArray> get(int64_t samples) const;

private:
  /// A loop that moves through the data: at iteration i by i * steps[dim] in
  /// each dimension of the data.
  struct Loop {
    int64_t size;
    SmallVector<int64_t> steps;
  };

  /// Offsets in the data of all iterations of `loops`, the last innermost.
  static std::vector<int64_t> getOffsets(ArrayRef<Loop> loops,
                                         ArrayRef<int64_t> strides);

  std::string name;
  /// What the data are indexed by where all loops are at 0.
  SmallVector<int64_t> origin;
  SmallVector<Loop> groups, positions, depth;
  /// Row-major; of each matrix the lower triangle.
  std::vector<double> sums;
};

/// Of several layers: what compiled code calls back.
struct MomentsRecorder {
  std::vector<LayerMoments> layers;
  /// Calls are counted only while it is set.
  bool active = true;

  /// The name under which compiled code calls back, and what it calls:
  ///   void (int64_t recorder, int64_t layer, unranked memref of f32)
  static constexpr llvm::StringLiteral kCallback = "qfmt_record_layer_data";
  static void *getCallback();

  /// Writes the means over `samples`, an array a layer, as a whole or not at
  /// all.
  llvm::Error write(StringRef path, int64_t samples) const;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CALIBRATION_LAYERMOMENTS_H
