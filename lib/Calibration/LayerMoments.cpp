// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LayerMoments.h"
#include "../Transforms/Assign/MomentArrays.h"
#include "../Transforms/WeightedSum.h"
#include "mlir/ExecutionEngine/CRunnerUtils.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include <Eigen/Dense>
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::qfmt;

using Matrix =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Vectors wait in up to 1 MiB, and not more of them than one update of a
/// matrix gains by.
static constexpr int64_t kWaitingElements = 1 << 18, kMostWaiting = 256;

/// True if indices are sums of multiples of loops.
static bool isLinear(AffineMap map) {
  bool linear = true;
  map.walkExprs([&](AffineExpr expr) {
    linear &= expr.getKind() != AffineExprKind::Mod &&
              expr.getKind() != AffineExprKind::FloorDiv &&
              expr.getKind() != AffineExprKind::CeilDiv;
  });
  return linear;
}

FailureOr<LayerMoments> LayerMoments::create(const Layer &layer,
                                             int64_t maxRows) {
  linalg::LinalgOp op = layer.op;
  AffineMap data = op.getMatchingIndexingMap(layer.data);
  AffineMap weights = op.getMatchingIndexingMap(layer.weights);
  AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  auto fail = [&](const Twine &reason) {
    return layer.op->emitOpError()
           << "is the layer '" << layer.name
           << "', of whose data there are no second moments: " << reason;
  };
  if (!getElementTypeOrSelf(layer.data->get().getType()).isF32())
    return fail("they are not f32");
  if (llvm::any_of(sizes, ShapedType::isDynamic))
    return fail("its sizes are dynamic");
  if (!isLinear(data))
    return fail("it does not step through them evenly");

  LayerMoments moments;
  moments.name = layer.name;
  SmallVector<int64_t> zeros(sizes.size(), 0);
  moments.origin = data.compose(zeros);
  auto getLoop = [&](unsigned loop) {
    SmallVector<int64_t> unit = zeros;
    unit[loop] = 1;
    SmallVector<int64_t> steps = data.compose(unit);
    for (auto [step, start] : llvm::zip_equal(steps, moments.origin))
      step -= start;
    return Loop{sizes[loop], steps};
  };
  moments.numGroups = moments.rowSize = 1;
  for (AffineExpr expr : weights.getResults()) {
    unsigned loop = cast<AffineDimExpr>(expr).getPosition();
    if (!result.isFunctionOfDim(loop)) {
      moments.depth.push_back(getLoop(loop));
      moments.rowSize *= sizes[loop];
    } else if (data.isFunctionOfDim(loop)) {
      moments.groups.push_back(getLoop(loop));
      moments.numGroups *= sizes[loop];
    }
  }
  for (unsigned loop = 0; loop < sizes.size(); ++loop) {
    if (weights.isFunctionOfDim(loop) || !data.isFunctionOfDim(loop))
      continue;
    if (!result.isFunctionOfDim(loop))
      return fail("it sums them along a dimension that weights do not have");
    moments.positions.push_back(getLoop(loop));
  }
  moments.maxRows = maxRows;
  moments.allocate();
  return moments;
}

void LayerMoments::allocate() {
  int64_t size = numGroups * rowSize;
  moments.assign(size * rowSize, 0.0);
  sums.assign(size, 0.0);
  magnitudes.assign(size, 0.0);
  min.assign(size, std::numeric_limits<float>::infinity());
  max.assign(size, -std::numeric_limits<float>::infinity());
  int64_t most = kWaitingElements / std::max<int64_t>(size, 1);
  mostWaiting = std::clamp<int64_t>(most, 1, kMostWaiting) * size;
  waiting.reserve(mostWaiting);
}

std::vector<int64_t> LayerMoments::getOffsets(ArrayRef<Loop> loops,
                                              ArrayRef<int64_t> strides) {
  std::vector<int64_t> offsets = {0};
  for (const Loop &loop : loops) {
    int64_t step = 0;
    for (auto [along, stride] : llvm::zip_equal(loop.steps, strides))
      step += along * stride;
    std::vector<int64_t> inner;
    inner.reserve(offsets.size() * loop.size);
    for (int64_t offset : offsets)
      for (int64_t i = 0; i < loop.size; ++i)
        inner.push_back(offset + i * step);
    offsets = std::move(inner);
  }
  return offsets;
}

void LayerMoments::record(const float *data, ArrayRef<int64_t> strides) {
  for (auto [index, stride] : llvm::zip_equal(origin, strides))
    data += index * stride;
  std::vector<int64_t> matrices = getOffsets(groups, strides);
  std::vector<int64_t> entries = getOffsets(depth, strides);
  for (int64_t place : getOffsets(positions, strides)) {
    for (int64_t group : matrices)
      for (int64_t entry : entries)
        waiting.push_back(data[place + group + entry]);
    sample(waiting.data() + waiting.size() - numGroups * rowSize);
    if (waiting.size() >= mostWaiting)
      flush();
  }
}

void LayerMoments::sample(const float *vector) {
  int64_t size = numGroups * rowSize;
  // Vitter's algorithm R: of all that were seen, each is kept with the same
  // probability.
  int64_t place = count++;
  if (place >= maxRows)
    place = static_cast<int64_t>(random.uniform() * count);
  else
    rows.resize(rows.size() + size);
  if (place < maxRows)
    std::copy_n(vector, size, rows.begin() + place * size);
}

void LayerMoments::flush() {
  if (waiting.empty())
    return;
  int64_t size = numGroups * rowSize;
  int64_t number = waiting.size() / size;
  for (int64_t vector = 0; vector < number; ++vector) {
    const float *entry = waiting.data() + vector * size;
    for (int64_t i = 0; i < size; ++i) {
      sums[i] += entry[i];
      magnitudes[i] += std::abs(entry[i]);
      min[i] = std::min(min[i], entry[i]);
      max[i] = std::max(max[i], entry[i]);
    }
  }
  using Vectors =
      Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic,
                                     Eigen::RowMajor>,
                 0, Eigen::OuterStride<>>;
  for (int64_t group = 0; group < numGroups; ++group) {
    Vectors vectors(waiting.data() + group * rowSize, number, rowSize,
                    Eigen::OuterStride<>(size));
    Matrix columns = vectors.transpose().cast<double>();
    Eigen::Map<Matrix>(moments.data() + group * rowSize * rowSize, rowSize,
                       rowSize)
        .selfadjointView<Eigen::Lower>()
        .rankUpdate(columns);
  }
  waiting.clear();
}

template <typename T>
static NamedArray makeArray(const Twine &name, ArrayRef<int64_t> shape,
                            ArrayRef<T> elements) {
  NamedArray named;
  named.name = name.str();
  named.array.kind = 'f';
  named.array.itemSize = sizeof(T);
  named.array.shape.assign(shape.begin(), shape.end());
  named.array.data.resize(elements.size() * sizeof(T));
  if (!elements.empty())
    std::memcpy(named.array.data.data(), elements.data(),
                named.array.data.size());
  return named;
}

/// `shape` without its first dimension, the groups, if there is only one.
static ArrayRef<int64_t> dropOneGroup(ArrayRef<int64_t> shape) {
  return shape.drop_front(shape.front() == 1);
}

llvm::Expected<NamedArray>
LayerMoments::getSecondMoments(int64_t samples) const {
  std::vector<double> means(moments.size());
  for (int64_t group = 0; group < numGroups; ++group) {
    int64_t begin = group * rowSize * rowSize;
    for (int64_t i = 0; i < rowSize; ++i)
      for (int64_t j = 0; j <= i; ++j) {
        double mean = moments[begin + i * rowSize + j] / samples;
        if (!std::isfinite(mean))
          return llvm::createStringError("the layer '" + name +
                                         "' reads a NaN or an infinity");
        means[begin + i * rowSize + j] = mean;
        means[begin + j * rowSize + i] = mean;
      }
  }
  return makeArray<double>(name, dropOneGroup({numGroups, rowSize, rowSize}),
                           means);
}

NamedArray LayerMoments::getRows() const {
  int64_t number = std::min(count, maxRows);
  std::vector<float> arranged;
  arranged.reserve(rows.size());
  for (int64_t group = 0; group < numGroups; ++group)
    for (int64_t row = 0; row < number; ++row) {
      auto begin = rows.begin() + (row * numGroups + group) * rowSize;
      arranged.insert(arranged.end(), begin, begin + rowSize);
    }
  return makeArray<float>(name + kRowsSuffix,
                          dropOneGroup({numGroups, number, rowSize}), arranged);
}

llvm::Error LayerMoments::get(int64_t samples,
                              std::vector<NamedArray> &arrays) {
  if (count == 0)
    return llvm::createStringError("the layer '" + name +
                                   "' is never reached, or reads nothing");
  flush();
  llvm::Expected<NamedArray> secondMoments = getSecondMoments(samples);
  if (!secondMoments)
    return secondMoments.takeError();
  arrays.push_back(std::move(*secondMoments));
  auto add = [&](StringRef suffix, auto &&values, double divisor) {
    std::vector<double> elements(values.begin(), values.end());
    for (double &element : elements)
      element /= divisor;
    arrays.push_back(makeArray<double>(
        name + suffix, dropOneGroup({numGroups, rowSize}), elements));
  };
  add(kMeanSuffix, sums, count);
  add(kMinSuffix, min, 1);
  add(kMaxSuffix, max, 1);
  add(kMagnitudeSuffix, magnitudes, count);
  arrays.push_back(getRows());
  return llvm::Error::success();
}

static void recordLayerData(int64_t recorder, int64_t layer,
                            ::UnrankedMemRefType<float> *tensor) {
  auto *receiver = reinterpret_cast<MomentsRecorder *>(recorder);
  if (!receiver->active)
    return;
  DynamicMemRefType<float> view(*tensor);
  receiver->layers[layer].record(view.data + view.offset,
                                 ArrayRef(view.strides, view.rank));
}

void *MomentsRecorder::getCallback() {
  return reinterpret_cast<void *>(&recordLayerData);
}

/// Fails if two arrays have the same name: a layer that is called as a
/// statistic of another.
static llvm::Error checkNames(ArrayRef<NamedArray> arrays) {
  llvm::StringSet<> names;
  for (const NamedArray &array : arrays)
    if (!names.insert(array.name).second)
      return llvm::createStringError(
          "the layer '" + array.name + "' has the name of a statistic of '" +
          getStatisticsLayer(array.name) + "'; rename one of them");
  return llvm::Error::success();
}

llvm::Error MomentsRecorder::write(StringRef path, int64_t samples) {
  std::vector<NamedArray> arrays;
  for (LayerMoments &layer : layers)
    if (llvm::Error error = layer.get(samples, arrays))
      return error;
  if (llvm::Error error = checkNames(arrays))
    return error;
  llvm::Error error = llvm::writeToOutput(
      path, [&](llvm::raw_ostream &os) { return writeNpz(os, arrays); });
  if (!error)
    return error;
  return llvm::createStringError("cannot write '" + path +
                                 "': " + llvm::toString(std::move(error)));
}
