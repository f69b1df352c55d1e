// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Times work on the device by its own clock.

#ifndef QFMT_BENCHMARK_GPU_TIMER_H
#define QFMT_BENCHMARK_GPU_TIMER_H

#include <cstdint>
#include <functional>

namespace qfmt::gpu::benchmark {

/// A function that starts run `i` of some work on a stream of the runtime.
using Work = std::function<void(int64_t i, void *stream)>;

/// Seconds of one run: the median of `repetitions` times, each of `runs` runs
/// one after the other, after a warm-up. Negative after an error, which the
/// runtime keeps.
double timeWork(const Work &work, int64_t runs, int64_t repetitions = 5);

} // namespace qfmt::gpu::benchmark

#endif // QFMT_BENCHMARK_GPU_TIMER_H
