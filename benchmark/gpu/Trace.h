// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a compiled program has asked the GPU for, as Recorder.cpp writes it and
// Replay.cpp does it again: a directory with
//
//   trace.txt       one step a line, words separated by blanks (below)
//   data.bin        what was copied to the device and is not random
//   module<n>.ptx   the modules in the order in which they were loaded
//   case.txt        what it is, and what must come out (Case.h)
//
// Steps; buffers have the numbers 0, 1, ... in the order of `buffer`:
//
//   module
//   buffer <bytes>
//   random <buffer> <offset> <bytes> <kind> <seed>
//   data <buffer> <offset> <bytes> <offset in data.bin>
//   copy <buffer> <offset> <from buffer> <from offset> <bytes>
//   set <bytes of an element> <buffer> <offset> <value> <count>
//   map <buffer> <offset> <data type> <rank> <sizes> <strides> <box> <swizzle>
//       <l2 promotion>
//   launch <module> <kernel> <grid> <block> <cluster> <shared bytes> <count>
//          <argument>...
//   read <buffer> <offset> <bytes>
//
// Sizes, strides and box have `rank` numbers; grid, block and cluster three. An
// argument is p:<buffer>:<offset>, m:<tensor map>, or v:<its bytes in hex>.

#ifndef QFMT_BENCHMARK_GPU_TRACE_H
#define QFMT_BENCHMARK_GPU_TRACE_H

#include <cstdint>
#include <string>
#include <vector>

namespace qfmt::gpu::benchmark {

struct Argument {
  enum Kind { Pointer, Map, Value } kind;
  /// Buffer or map.
  int64_t index = 0;
  int64_t offset = 0;
  std::vector<char> value;
};

struct Step {
  enum Kind { Random, Data, Copy, Set, MakeMap, Launch, Read } kind;
  int64_t buffer = 0, offset = 0, bytes = 0;
  // Random.
  std::string randomKind;
  uint64_t seed = 0;
  // Data: in data.bin. Copy: in the other buffer.
  int64_t from = 0, fromOffset = 0;
  // Set.
  int64_t elementBytes = 0, value = 0, count = 0;
  // MakeMap.
  int64_t dataType = 0, swizzle = 0, l2Promotion = 0;
  std::vector<int64_t> sizes, strides, box;
  // Launch.
  int64_t module = 0;
  std::string kernel;
  int64_t grid[3] = {}, block[3] = {}, cluster[3] = {};
  int64_t sharedBytes = 0;
  std::vector<Argument> arguments;

  /// Whether the device does it alone, once everything is there.
  bool isWork() const { return kind == Copy || kind == Set || kind == Launch; }
};

struct Trace {
  std::vector<std::string> modules;
  std::vector<int64_t> buffers;
  std::vector<Step> steps;
  std::vector<char> data;
};

/// Empty, or what is wrong with the trace in `directory`.
std::string readTrace(const std::string &directory, Trace &trace);

/// The bytes of a file; false if it cannot be read.
bool readFile(const std::string &path, std::vector<char> &bytes);

} // namespace qfmt::gpu::benchmark

#endif // QFMT_BENCHMARK_GPU_TRACE_H
