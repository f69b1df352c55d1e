// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Encoding and decoding as one would write them in C++ without thinking of the
// machine: what the emitted code is compared with, in its output and its speed.
//
// All work on 256 x 256 values of f32. The buffers are those of the compiled
// functions: `encode` reads {reals} and writes the constituents in their order,
// `decode` reads the constituents and writes {reals}.

#ifndef QFMT_BENCHMARK_FORMATS_PLAINLOOPS_H
#define QFMT_BENCHMARK_FORMATS_PLAINLOOPS_H

#include <cstddef>

namespace plain {

constexpr size_t kRows = 256;
constexpr size_t kColumns = 256;

using Loop = void (*)(const void *const *inputs, void *const *outputs);

/// A format, its type and the attributes of qfmt.quantize in MLIR, its loops.
struct Format {
  const char *name;
  const char *type;
  const char *quantize;
  Loop encode, decode;
};

extern const Format kFormats[];
extern const size_t kNumFormats;

} // namespace plain

#endif // QFMT_BENCHMARK_FORMATS_PLAINLOOPS_H
