//===- ChannelStatistics.h - What a layer reads, by channel -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A layer computes result[group, output] = weights[group, output, :] . x, where
// x = data[group, :], at many positions and for many samples
// (WeightMatrices.h). Of these vectors x qfmt-annotate{moments=FILE} has
// written, beside their second moments,
//
//   <name>.mean       f8 [groups, depth]     the mean of x
//   <name>.magnitude  f8 [groups, depth]     the mean of |x|
//   <name>.min        f8 [groups, depth]     the smallest x
//   <name>.max        f8 [groups, depth]     the largest x
//   <name>.rows       f4 [groups, n, depth]  some of the vectors x
//
// without the first dimension if there is one group. Means are over positions
// and samples alike: sums divided by the number of vectors. (The second moments
// `<name>` are otherwise: of each sample the sum over positions, then the mean
// over samples.) The order of x is that of the weights' dimensions which are
// summed over: for a matrix product the input channels, for a convolution
// windows, with padding as the zeros that it is. Units are those of the data of
// the fp32 network. The rows are drawn from all positions and samples with the
// same probability; vectors of one position of one sample have the same index
// in all groups.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CALIBRATION_CHANNELSTATISTICS_H
#define QFMT_LIB_CALIBRATION_CHANNELSTATISTICS_H

#include "../Transforms/Assign/WeightMatrices.h"
#include "qfmt/Runtime/Npz.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace mlir::qfmt {

/// Of one layer. All numbers are finite, and min <= mean <= max.
struct ChannelStatistics {
  int64_t groups, depth;
  /// [groups][depth].
  std::vector<double> mean, min, max, magnitude;
  /// [groups][numRows][depth]; numRows may be 0.
  int64_t numRows;
  std::vector<float> rows;

  ArrayRef<float> getRow(int64_t group, int64_t row) const {
    return ArrayRef(rows).slice((group * numRows + row) * depth, depth);
  }
};

/// The statistics of all layers in a file.
class ChannelStatisticsFile {
public:
  /// Errors are sentences that name the file. What the file does not have is
  /// left to `find`.
  static llvm::Expected<ChannelStatisticsFile> read(StringRef path);

  bool contains(StringRef layer) const;

  /// Those of the layer `name`, which is `op`. Fails with a diagnostic at `op`
  /// if an array is missing, has another shape than the layer's weights ask
  /// for, or has numbers that are not finite or contradict each other.
  FailureOr<ChannelStatistics> find(StringRef name, linalg::LinalgOp op,
                                    const WeightMatrices &matrices) const;

private:
  std::string path;
  llvm::StringMap<NpyArray> arrays;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CALIBRATION_CHANNELSTATISTICS_H
