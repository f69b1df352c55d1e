// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Recorder.h"
#include "mlir/ExecutionEngine/CRunnerUtils.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

void Recorder::startHistograms(size_t bins) {
  for (Record &record : records)
    record.histogram.assign(bins, 0);
}

/// The bin of [-largest, largest], cut into equal ones, that `value` is in.
static size_t getBin(double value, double largest, size_t bins) {
  if (largest == 0)
    return bins / 2;
  double position = std::floor((value / largest + 1) / 2 * bins);
  return std::clamp<double>(position, 0, bins - 1);
}

void Recorder::record(size_t observer, float value) {
  Record &record = records[observer];
  if (!std::isfinite(value)) {
    if (!nonFinite)
      nonFinite = observer;
    return;
  }
  if (record.histogram.empty()) {
    record.min = std::min<double>(record.min, value);
    record.max = std::max<double>(record.max, value);
    ++record.count;
    return;
  }
  double largest = std::max(std::abs(record.min), std::abs(record.max));
  ++record.histogram[getBin(value, largest, record.histogram.size())];
}

static void recordTensor(int64_t recorder, int64_t observer,
                         ::UnrankedMemRefType<float> *tensor) {
  auto *receiver = reinterpret_cast<Recorder *>(recorder);
  DynamicMemRefType<float> view(*tensor);
  for (float value : view)
    receiver->record(observer, value);
}

void *Recorder::getCallback() {
  return reinterpret_cast<void *>(&recordTensor);
}
