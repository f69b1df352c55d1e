// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ChannelRows.h"

using namespace mlir;
using namespace mlir::qfmt;

std::vector<double>
mlir::qfmt::getChannelRows(ArrayRef<double> vectors,
                           ArrayRef<int64_t> channelOfPosition,
                           int64_t channels) {
  // The how manieth position of its channel each one is.
  std::vector<int64_t> numbers, counts(channels, 0);
  for (int64_t channel : channelOfPosition)
    numbers.push_back(counts[channel]++);
  if (!llvm::all_equal(counts) || counts.empty() || counts[0] == 0)
    return {};
  size_t positions = channelOfPosition.size();
  std::vector<double> rows(vectors.size());
  for (size_t start = 0; start < vectors.size(); start += positions)
    for (size_t i = 0; i < positions; ++i)
      rows[start + numbers[i] * channels + channelOfPosition[i]] =
          vectors[start + i];
  return rows;
}

/// [n][groups][depth].
static std::vector<double> getVectors(const ChannelStatistics &statistics) {
  std::vector<double> vectors;
  vectors.reserve(statistics.rows.size());
  for (int64_t row = 0; row < statistics.numRows; ++row)
    for (int64_t group = 0; group < statistics.groups; ++group)
      llvm::append_range(vectors, statistics.getRow(group, row));
  return vectors;
}

FailureOr<std::vector<double>>
mlir::qfmt::getChannelRows(const ChannelData &data, const SharedInput &input) {
  FailureOr<InputData> seen = data.get(input);
  if (failed(seen))
    return failure();
  linalg::LinalgOp op = input.readers.front().layer.op;
  for (const ReaderData &reader : seen->readers) {
    if (reader.statistics->numRows == 0)
      continue;
    std::vector<double> rows =
        getChannelRows(getVectors(*reader.statistics), reader.channels,
                       input.getNumChannels());
    if (rows.empty())
      return op.emitOpError() << "reads some channels more often than others, "
                                 "by which they cannot be compared";
    return rows;
  }
  return op.emitOpError()
         << "is the layer '" << input.readers.front().layer.name
         << "', of whose data no rows were recorded; qfmt-annotate does so "
            "unless its option 'rows' is 0";
}
