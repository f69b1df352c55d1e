// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the machine can do at best.

#ifndef QFMT_BENCHMARK_CPU_PEAK_H
#define QFMT_BENCHMARK_CPU_PEAK_H

#include <cstddef>
#include <cstdint>

/// The instructions whose rate is measured; each with the multiplications of
/// bytes that one of them does. Tdpbusd is AMX.
enum class PeakInstruction { Vpdpbusd512, Vpmaddwd256, Tdpbusd };

constexpr int64_t getProducts(PeakInstruction instruction) {
  switch (instruction) {
  case PeakInstruction::Vpdpbusd512:
    return 64;
  case PeakInstruction::Vpmaddwd256:
    return 16;
  case PeakInstruction::Tdpbusd:
    return 16 * 16 * 64;
  }
  return 0;
}

/// True if this machine has it, and the system lets this process use it.
bool hasInstruction(PeakInstruction instruction);

/// Runs `count` times 24 (12 for vpmaddwd, with as many additions; 4 for AMX)
/// independent instructions on registers alone; returns how many those are.
int64_t runPeak(PeakInstruction instruction, int64_t count);

/// Reads every byte of a buffer, whose size is a multiple of 1024, with the
/// widest loads that there are; the result keeps the loads alive.
uint64_t readBytes(const char *data, size_t size);

#endif // QFMT_BENCHMARK_CPU_PEAK_H
