// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What was measured, as a table and as JSON.

#ifndef QFMT_BENCHMARK_GPU_REPORT_H
#define QFMT_BENCHMARK_GPU_REPORT_H

#include "Case.h"
#include <ostream>

namespace qfmt::gpu::benchmark {

struct Ratio {
  Target target;
  /// Seconds of the peer; for copy bytes a second. Negative if there is none.
  double peer = -1;
  double ratio = -1;

  bool isReached() const { return ratio >= target.least; }
};

struct Result {
  std::string name;
  /// Empty if it computes what it must.
  std::string error;
  /// Seconds of one run, or a negative number.
  double seconds = -1;
  double multiplications = 0, bytes = 0;
  std::vector<Ratio> ratios;
};

void printTable(std::ostream &out, const std::vector<Result> &results);

/// {"device": ..., "chip": ..., "cases": [...]}
void printJson(std::ostream &out, const std::string &device,
               const std::string &chip, const std::vector<Result> &results);

} // namespace qfmt::gpu::benchmark

#endif // QFMT_BENCHMARK_GPU_REPORT_H
