// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the machine can do at best with real numbers, on registers alone:
// multiplications and additions, and both in one instruction, which rounds
// once.

#include "Harness.h"

#if defined(__x86_64__)
#include <immintrin.h>

constexpr int kChains = 24;
constexpr int64_t kCount = 1 << 18;

__attribute__((target("avx512f"))) static void runMultiplyAdd(bool isFused) {
  __m512 sums[kChains];
  for (int i = 0; i < kChains; ++i)
    sums[i] = _mm512_set1_ps(float(i));
  __m512 left = _mm512_set1_ps(0.5f), right = _mm512_set1_ps(1e-9f);
  for (int64_t n = 0; n < kCount; ++n) {
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i) {
      if (isFused) {
        sums[i] = _mm512_fmadd_ps(left, right, sums[i]);
      } else {
        __m512 product = _mm512_mul_ps(left, right);
        asm volatile("" : "+v"(product));
        sums[i] = _mm512_add_ps(sums[i], product);
      }
      asm volatile("" : "+v"(sums[i]));
    }
  }
}
#endif

void registerFloatPeaks() {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx512f"))
    return;
  Work work{double(kCount) * kChains * 16, 0};
  registerCase("peak/mulps512+addps512", work,
               [] { return Prepared{[] { runMultiplyAdd(false); }, {}, {}}; });
  registerCase("peak/fmaddps512", work,
               [] { return Prepared{[] { runMultiplyAdd(true); }, {}, {}}; });
#endif
}
