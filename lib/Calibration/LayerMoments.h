//===- LayerMoments.h - Statistics of what layers read ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A layer computes result[group, output, p] = weights[group, output, :] . x,
// where x = data[group, :] at the position p. Of all these vectors x, of all
// positions and samples, the second moments
//
//   H[group] = sum of x x^T     ([groups, depth, depth])
//
// say what errors of the weights do to the results: errors D of the rows change
// them by a squared error of D H D^T in all. Beside them the mean, the range
// and the mean magnitude of each entry of x, and some of the vectors themselves
// (ChannelStatistics.h). What x is follows from the indexing maps: for
// convolutions the window, strides, dilations and padding included. Its order
// is that of the weights' dimensions.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CALIBRATION_LAYERMOMENTS_H
#define QFMT_LIB_CALIBRATION_LAYERMOMENTS_H

#include "../Transforms/Layers.h"
#include "qfmt/Runtime/Npz.h"
#include "qfmt/Support/SplitMix64.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace mlir::qfmt {

/// Of one layer. Memory does not grow with the number of samples.
class LayerMoments {
public:
  /// Keeps up to `maxRows` vectors. Fails with a diagnostic at the layer if its
  /// data are not f32, if its sizes are dynamic, or if it sums its data without
  /// weights.
  static FailureOr<LayerMoments> create(const Layer &layer, int64_t maxRows);

  /// Adds what one call of the layer reads: elements at data[index . strides].
  void record(const float *data, ArrayRef<int64_t> strides);

  /// Adds the layer's arrays: `<name>`, the sum of x x^T divided by `samples`,
  /// [depth, depth] if there is one group, else [groups, depth, depth], f8, and
  /// those of ChannelStatistics. Fails if a value was not finite, or if the
  /// layer has never read anything.
  llvm::Error get(int64_t samples, std::vector<NamedArray> &arrays);

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

  void allocate();
  /// Adds the vectors that wait to the sums.
  void flush();
  /// Counts one vector of all groups, and keeps it by chance.
  void sample(const float *vector);
  llvm::Expected<NamedArray> getSecondMoments(int64_t samples) const;
  NamedArray getRows() const;

  std::string name;
  /// What the data are indexed by where all loops are at 0.
  SmallVector<int64_t> origin;
  SmallVector<Loop> groups, positions, depth;
  int64_t numGroups, rowSize;
  /// Row-major; of each matrix the lower triangle.
  std::vector<double> moments;
  /// [groups, depth].
  std::vector<double> sums, magnitudes;
  std::vector<float> min, max;
  /// Vectors [groups, depth] that are not in the sums yet: many at once make
  /// one pass over the matrices.
  std::vector<float> waiting;
  size_t mostWaiting;
  /// Vectors of each group in all, and those that are kept of them.
  int64_t count = 0, maxRows;
  std::vector<float> rows;
  SplitMix64 random{kSeed};
  static constexpr uint64_t kSeed = 0x5eed;
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

  /// Writes the arrays of all layers, as a whole or not at all.
  llvm::Error write(StringRef path, int64_t samples);
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CALIBRATION_LAYERMOMENTS_H
