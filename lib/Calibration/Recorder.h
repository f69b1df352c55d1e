//===- Recorder.h - What observers see at run time --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled code calls back with each tensor that an `observe` lets pass. Two
// runs over the data: ranges first, then histograms over these ranges.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_CALIBRATION_RECORDER_H
#define QFMT_LIB_CALIBRATION_RECORDER_H

#include "qfmt/IR/QFmt.h"
#include <limits>
#include <optional>
#include <vector>

namespace mlir::qfmt {

class Recorder {
public:
  /// What one observer has seen.
  struct Record {
    double min = std::numeric_limits<double>::infinity();
    double max = -std::numeric_limits<double>::infinity();
    int64_t count = 0;
    /// Empty during the first run.
    std::vector<int64_t> histogram;
  };

  explicit Recorder(size_t numObservers) : records(numObservers) {}

  /// Ends the first run. Every observer must have seen a value.
  void startHistograms(size_t bins);

  /// Takes the elements of a tensor, as often as it passes.
  void record(size_t observer, float value);

  ArrayRef<Record> getRecords() const { return records; }
  /// The first observer that saw a NaN or an infinity, if any did.
  std::optional<size_t> getNonFinite() const { return nonFinite; }

  /// The name under which compiled code calls back, and what it calls:
  ///   void (int64_t recorder, int64_t observer, unranked memref of f32)
  static constexpr llvm::StringLiteral kCallback = "qfmt_record_observed";
  static void *getCallback();

private:
  std::vector<Record> records;
  std::optional<size_t> nonFinite;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CALIBRATION_RECORDER_H
