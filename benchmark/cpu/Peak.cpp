// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Peak.h"

#if defined(__x86_64__)
#include <immintrin.h>

bool hasInstruction(PeakInstruction instruction) {
  return instruction == PeakInstruction::Vpdpbusd512
             ? __builtin_cpu_supports("avx512vnni") != 0
             : __builtin_cpu_supports("avx2") != 0;
}

/// Keeps `value` in a register, and its computation alive.
#define KEEP(value) asm volatile("" : "+v"(value))

__attribute__((target("avx512f,avx512vnni"))) static int64_t
runVpdpbusd(int64_t count) {
  constexpr int kChains = 24;
  __m512i sums[kChains];
  for (int i = 0; i < kChains; ++i)
    sums[i] = _mm512_set1_epi32(i);
  __m512i left = _mm512_set1_epi8(3), right = _mm512_set1_epi8(5);
  for (int64_t n = 0; n < count; ++n) {
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i)
      sums[i] = _mm512_dpbusd_epi32(sums[i], left, right);
    KEEP(left);
    KEEP(right);
  }
  for (int i = 0; i < kChains; ++i)
    KEEP(sums[i]);
  return count * kChains;
}

__attribute__((target("avx2"))) static int64_t runVpmaddwd(int64_t count) {
  constexpr int kChains = 12;
  __m256i sums[kChains];
  for (int i = 0; i < kChains; ++i)
    sums[i] = _mm256_set1_epi32(i);
  __m256i left = _mm256_set1_epi16(3), right = _mm256_set1_epi16(5);
  for (int64_t n = 0; n < count; ++n) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) {
      // Else all chains would share one product.
      asm volatile("" : "+x"(left));
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(left, right));
    }
  }
  for (int i = 0; i < kChains; ++i)
    asm volatile("" : "+x"(sums[i]));
  return count * kChains;
}

int64_t runPeak(PeakInstruction instruction, int64_t count) {
  return instruction == PeakInstruction::Vpdpbusd512 ? runVpdpbusd(count)
                                                     : runVpmaddwd(count);
}

#else

bool hasInstruction(PeakInstruction) { return false; }
int64_t runPeak(PeakInstruction, int64_t) { return 0; }

#endif
