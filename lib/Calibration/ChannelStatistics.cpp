// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ChannelStatistics.h"
#include "../Transforms/Assign/MomentArrays.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

llvm::Expected<ChannelStatisticsFile>
ChannelStatisticsFile::read(StringRef path) {
  llvm::Expected<std::vector<NamedArray>> members = readNpz(path);
  if (!members)
    return members.takeError();
  ChannelStatisticsFile file;
  file.path = path.str();
  for (NamedArray &member : *members)
    if (!getStatisticsLayer(member.name).empty())
      file.arrays[member.name] = std::move(member.array);
  return file;
}

bool ChannelStatisticsFile::contains(StringRef layer) const {
  return arrays.contains((layer + kMeanSuffix).str());
}

namespace {
/// Takes the arrays of one layer.
class LayerReader {
public:
  LayerReader(StringRef path, const llvm::StringMap<NpyArray> &arrays,
              StringRef name, linalg::LinalgOp op,
              const WeightMatrices &matrices)
      : path(path), arrays(arrays), name(name), op(op), matrices(matrices) {}

  /// Of numbers for each channel.
  LogicalResult take(StringRef suffix, std::vector<double> &values) {
    return takeArray(suffix, {matrices.groups, matrices.depth}, values);
  }

  LogicalResult takeRows(int64_t &number, std::vector<float> &rows) {
    SmallVector<int64_t> shape = {matrices.groups, ShapedType::kDynamic,
                                  matrices.depth};
    if (failed(takeArray(kRowsSuffix, shape, rows)))
      return failure();
    number = static_cast<int64_t>(rows.size()) /
             std::max<int64_t>(1, matrices.groups * matrices.depth);
    return success();
  }

  LogicalResult checkOrder(const ChannelStatistics &found) {
    for (size_t i = 0; i < found.mean.size(); ++i)
      if (!isOrdered(found, i))
        return op.emitOpError()
               << "is the layer '" << name << "', of which '" << path
               << "' has min, mean, max and magnitude that contradict each "
                  "other at channel "
               << i << ": " << found.min[i] << ", " << found.mean[i] << ", "
               << found.max[i] << ", " << found.magnitude[i];
    return success();
  }

private:
  /// A mean may be rounded beyond its bounds.
  static bool isOrdered(const ChannelStatistics &found, size_t i) {
    double largest = std::max(-found.min[i], found.max[i]);
    double slack = 1e-6 * std::max(std::abs(found.min[i]), largest);
    return found.min[i] <= found.mean[i] + slack &&
           found.mean[i] <= found.max[i] + slack && found.magnitude[i] >= 0 &&
           found.magnitude[i] <= largest + slack;
  }

  static bool fits(ArrayRef<int64_t> shape, ArrayRef<int64_t> expected) {
    return shape.size() == expected.size() &&
           llvm::all_of(llvm::zip_equal(shape, expected), [](auto sizes) {
             auto [size, wanted] = sizes;
             return wanted == ShapedType::kDynamic || size == wanted;
           });
  }

  template <typename T>
  LogicalResult takeArray(StringRef suffix, ArrayRef<int64_t> shape,
                          std::vector<T> &values) {
    auto entry = arrays.find((name + suffix).str());
    if (entry == arrays.end())
      return fail(suffix)
             << "is missing; qfmt-annotate{moments=FILE} writes it";
    const NpyArray &array = entry->second;
    std::string dtype = array.getDtype();
    if (dtype != "f4" && dtype != "f8")
      return fail(suffix) << "is of " << dtype << ", not of f4 or f8";
    if (!fits(array.shape, shape) &&
        !(matrices.groups == 1 && fits(array.shape, shape.drop_front())))
      return failShape(suffix, array.shape, shape);
    values = dtype == "f4" ? readElements<float, T>(array)
                           : readElements<double, T>(array);
    if (llvm::all_of(values, [](T value) { return std::isfinite(value); }))
      return success();
    return fail(suffix) << "has a NaN or an infinity";
  }

  InFlightDiagnostic fail(StringRef suffix) {
    return op.emitOpError() << "is the layer '" << name << "', whose array '"
                            << name << suffix << "' in '" << path << "' ";
  }

  LogicalResult failShape(StringRef suffix, ArrayRef<int64_t> found,
                          ArrayRef<int64_t> expected) {
    InFlightDiagnostic diag = fail(suffix);
    auto list = [&](ArrayRef<int64_t> shape) {
      diag << "[";
      llvm::interleaveComma(shape, diag, [&](int64_t size) {
        if (size == ShapedType::kDynamic)
          diag << "n";
        else
          diag << size;
      });
      diag << "]";
    };
    diag << "has the shape ";
    list(found);
    diag << ", where ";
    list(matrices.groups == 1 ? expected.drop_front() : expected);
    return diag << " follows from the weights";
  }

  StringRef path;
  const llvm::StringMap<NpyArray> &arrays;
  StringRef name;
  linalg::LinalgOp op;
  const WeightMatrices &matrices;
};
} // namespace

FailureOr<ChannelStatistics>
ChannelStatisticsFile::find(StringRef name, linalg::LinalgOp op,
                            const WeightMatrices &matrices) const {
  ChannelStatistics found;
  found.groups = matrices.groups;
  found.depth = matrices.depth;
  LayerReader reader(path, arrays, name, op, matrices);
  if (failed(reader.take(kMeanSuffix, found.mean)) ||
      failed(reader.take(kMinSuffix, found.min)) ||
      failed(reader.take(kMaxSuffix, found.max)) ||
      failed(reader.take(kMagnitudeSuffix, found.magnitude)) ||
      failed(reader.takeRows(found.numRows, found.rows)) ||
      failed(reader.checkOrder(found)))
    return failure();
  return found;
}
