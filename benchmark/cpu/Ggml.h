// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with quantized weights by ggml, if the benchmark was built with it.

#ifndef QFMT_BENCHMARK_CPU_GGML_H
#define QFMT_BENCHMARK_CPU_GGML_H

#include "Harness.h"

bool hasGgml();

/// The kinds of memory in which ggml keeps weights on a CPU, each with kernels
/// of its own: "CPU" first, then what this machine has of CPU_REPACK, AMX, ...
std::vector<std::string> getGgmlBuffers();

/// M x K floats, row-major, times N x K weights in the format that ggml calls
/// `format`, kept in `buffer`, to M x N of f32; one thread. ggml quantizes the
/// floats inside each run. An error if it has no such product.
Prepared prepareGgml(const std::string &format, const std::string &buffer,
                     int64_t m, int64_t n, int64_t k);

#endif // QFMT_BENCHMARK_CPU_GGML_H
