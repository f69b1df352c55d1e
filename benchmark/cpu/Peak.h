// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the machine can do at best.

#ifndef QFMT_BENCHMARK_CPU_PEAK_H
#define QFMT_BENCHMARK_CPU_PEAK_H

#include <cstdint>

/// The instructions whose rate is measured; each with the multiplications of
/// bytes that one of them does.
enum class PeakInstruction { Vpdpbusd512, Vpmaddwd256 };

constexpr int64_t getProducts(PeakInstruction instruction) {
  return instruction == PeakInstruction::Vpdpbusd512 ? 64 : 16;
}

/// True if this machine has it.
bool hasInstruction(PeakInstruction instruction);

/// Runs `count` times 24 (or 12 for vpmaddwd, with as many additions)
/// independent instructions on registers alone; returns how many those are.
int64_t runPeak(PeakInstruction instruction, int64_t count);

#endif // QFMT_BENCHMARK_CPU_PEAK_H
