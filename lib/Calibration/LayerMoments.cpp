// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LayerMoments.h"
#include "../Transforms/WeightedSum.h"
#include "mlir/ExecutionEngine/CRunnerUtils.h"
#include "llvm/Support/FileSystem.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::qfmt;

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

FailureOr<LayerMoments> LayerMoments::create(const Layer &layer) {
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
  int64_t numGroups = 1, rowSize = 1;
  for (AffineExpr expr : weights.getResults()) {
    unsigned loop = cast<AffineDimExpr>(expr).getPosition();
    if (!result.isFunctionOfDim(loop)) {
      moments.depth.push_back(getLoop(loop));
      rowSize *= sizes[loop];
    } else if (data.isFunctionOfDim(loop)) {
      moments.groups.push_back(getLoop(loop));
      numGroups *= sizes[loop];
    }
  }
  for (unsigned loop = 0; loop < sizes.size(); ++loop) {
    if (weights.isFunctionOfDim(loop) || !data.isFunctionOfDim(loop))
      continue;
    if (!result.isFunctionOfDim(loop))
      return fail("it sums them along a dimension that weights do not have");
    moments.positions.push_back(getLoop(loop));
  }
  moments.sums.assign(numGroups * rowSize * rowSize, 0.0);
  return moments;
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
  std::vector<int64_t> entries = getOffsets(depth, strides);
  std::vector<int64_t> places = getOffsets(positions, strides);
  size_t size = entries.size();
  std::vector<double> row(size);
  double *matrix = sums.data();
  for (int64_t group : getOffsets(groups, strides)) {
    for (int64_t place : places) {
      for (size_t i = 0; i < size; ++i)
        row[i] = data[group + place + entries[i]];
      for (size_t i = 0; i < size; ++i) {
        // Padding, and what relu has cut off. (A NaN is not 0.)
        if (row[i] == 0)
          continue;
        double *line = &matrix[i * size];
        for (size_t j = 0; j <= i; ++j)
          line[j] += row[i] * row[j];
      }
    }
    matrix += size * size;
  }
}

llvm::Expected<NamedArray> LayerMoments::get(int64_t samples) const {
  int64_t rowSize = 1, numGroups = 1;
  for (const Loop &loop : depth)
    rowSize *= loop.size;
  for (const Loop &loop : groups)
    numGroups *= loop.size;
  std::vector<double> means(sums.size());
  for (int64_t group = 0; group < numGroups; ++group) {
    int64_t begin = group * rowSize * rowSize;
    for (int64_t i = 0; i < rowSize; ++i)
      for (int64_t j = 0; j <= i; ++j) {
        double mean = sums[begin + i * rowSize + j] / samples;
        if (!std::isfinite(mean))
          return llvm::createStringError("the layer '" + name +
                                         "' reads a NaN or an infinity");
        means[begin + i * rowSize + j] = mean;
        means[begin + j * rowSize + i] = mean;
      }
  }
  NamedArray named;
  named.name = name;
  named.array.kind = 'f';
  named.array.itemSize = sizeof(double);
  named.array.shape = {rowSize, rowSize};
  if (numGroups != 1)
    named.array.shape.insert(named.array.shape.begin(), numGroups);
  named.array.data.resize(means.size() * sizeof(double));
  std::memcpy(named.array.data.data(), means.data(), named.array.data.size());
  return named;
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

llvm::Error MomentsRecorder::write(StringRef path, int64_t samples) const {
  std::vector<NamedArray> arrays;
  for (const LayerMoments &layer : layers) {
    llvm::Expected<NamedArray> array = layer.get(samples);
    if (!array)
      return array.takeError();
    arrays.push_back(std::move(*array));
  }
  llvm::Error error = llvm::writeToOutput(
      path, [&](llvm::raw_ostream &os) { return writeNpz(os, arrays); });
  if (!error)
    return error;
  return llvm::createStringError("cannot write '" + path +
                                 "': " + llvm::toString(std::move(error)));
}
