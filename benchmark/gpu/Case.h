// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a trace computes and what must come out of it: a directory's case.txt,
// one statement a line, and check.bin, which some of them refer to.
//
//   work <multiplications> <bytes>   of one run; 0 if it does not matter
//   rotate                           more copies than fit in any cache
//   hash <output> <number>           of all of its bytes (RandomData.h)
//   near <output> <offset> <count> <offset in check.bin>
//                                    f32 values at the offset, each within a
//                                    bound: check.bin has all values, then all
//                                    bounds, as f32
//   target <peer> <least ratio>      more than once; 0 only shows the ratio
//
// Outputs are the steps `read` of the trace, from 0. Peers: int8, fp8, and bf16
// are cublasLt's product of the size that follows, `<peer> <m> <n> <k>`; copy
// is a copy within the device. A ratio is the peer's time by ours, for copy our
// bytes a second by its.

#ifndef QFMT_BENCHMARK_GPU_CASE_H
#define QFMT_BENCHMARK_GPU_CASE_H

#include "Trace.h"

namespace qfmt::gpu::benchmark {

struct Target {
  std::string peer;
  int64_t m = 0, n = 0, k = 0;
  double least = 0;
};

struct ExpectedHash {
  int64_t output;
  uint64_t hash;
};

struct ExpectedFloats {
  int64_t output, offset, count, checkOffset;
};

struct Case {
  std::string name;
  double multiplications = 0, bytes = 0;
  bool rotates = false;
  std::vector<ExpectedHash> hashes;
  std::vector<ExpectedFloats> floats;
  std::vector<Target> targets;
  std::vector<char> check;
  Trace trace;
};

/// Empty, or what is wrong with the case in `directory`.
std::string readCase(const std::string &directory, Case &result);

/// The directories below `directory` that have a case.txt, in order of names.
std::vector<std::string> findCases(const std::string &directory);

} // namespace qfmt::gpu::benchmark

#endif // QFMT_BENCHMARK_GPU_CASE_H
