// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Peak.h"
#include "Harness.h"
#include <cstdlib>
#include <cstring>
#include <thread>
#ifdef __linux__
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

/// Asks Linux once for the state of the tiles; cpuid leaf 7 has the rest.
static bool mayUseTiles() {
#ifdef __linux__
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 24 & d >> 25 & 1))
    return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  static const bool allowed =
      syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return allowed;
#else
  return false;
#endif
}

bool hasInstruction(PeakInstruction instruction) {
  switch (instruction) {
  case PeakInstruction::Vpdpbusd512:
    return __builtin_cpu_supports("avx512vnni") != 0;
  case PeakInstruction::Vpmaddwd256:
    return __builtin_cpu_supports("avx2") != 0;
  case PeakInstruction::Tdpbusd:
    return mayUseTiles();
  }
  return false;
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

/// Tiles of 16 rows of 64 bytes: four accumulators, two and two factors.
__attribute__((target("amx-tile,amx-int8"))) static int64_t
runTdpbusd(int64_t count) {
  alignas(64) uint8_t shape[64] = {1};
  for (int i = 0; i < 8; ++i) {
    shape[16 + 2 * i] = 64;
    shape[48 + i] = 16;
  }
  // The constraint says that all 64 bytes are read.
  asm volatile("ldtilecfg %0" : : "m"(shape));
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (int64_t n = 0; n < count; ++n) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  _tile_release();
  return count * 4;
}

int64_t runPeak(PeakInstruction instruction, int64_t count) {
  switch (instruction) {
  case PeakInstruction::Vpdpbusd512:
    return runVpdpbusd(count);
  case PeakInstruction::Vpmaddwd256:
    return runVpmaddwd(count);
  case PeakInstruction::Tdpbusd:
    return runTdpbusd(count);
  }
  return 0;
}

__attribute__((target("avx512f"))) static uint64_t readVectors(const char *data,
                                                               size_t size) {
  __m512i sums[8] = {};
  for (size_t i = 0; i < size; i += 512)
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j)
      sums[j] = _mm512_or_si512(sums[j], _mm512_load_si512(data + i + 64 * j));
  for (int j = 1; j < 8; ++j)
    sums[0] = _mm512_or_si512(sums[0], sums[j]);
  return _mm512_reduce_or_epi64(sums[0]);
}

uint64_t readBytes(const char *data, size_t size) {
  if (__builtin_cpu_supports("avx512f"))
    return readVectors(data, size);
  uint64_t sums[8] = {}, value[8];
  for (size_t i = 0; i < size; i += sizeof(value)) {
    std::memcpy(value, data + i, sizeof(value));
    for (int j = 0; j < 8; ++j)
      sums[j] |= value[j];
  }
  return sums[0] | sums[1] | sums[2] | sums[3] | sums[4] | sums[5] | sums[6] |
         sums[7];
}

#else

bool hasInstruction(PeakInstruction) { return false; }
int64_t runPeak(PeakInstruction, int64_t) { return 0; }

uint64_t readBytes(const char *data, size_t size) {
  uint64_t sum = 0, value;
  for (size_t i = 0; i < size; i += sizeof(value)) {
    std::memcpy(&value, data + i, sizeof(value));
    sum |= value;
  }
  return sum;
}

#endif

namespace {

/// Bytes at a multiple of 2 MiB, in huge pages if the system gives any.
std::shared_ptr<char> makeBuffer(size_t size) {
  constexpr size_t kHugePage = size_t(1) << 21;
  char *data = static_cast<char *>(std::aligned_alloc(kHugePage, size));
#ifdef __linux__
  madvise(data, size, MADV_HUGEPAGE);
#endif
  std::memset(data, 1, size);
  return std::shared_ptr<char>(data, std::free);
}

/// Keeps a thread on one of the processors that the process may use. Two
/// threads that never wait can share one for a long time otherwise.
class Pinned {
public:
#ifdef __linux__
  explicit Pinned(int copy) {
    sched_getaffinity(0, sizeof(before), &before);
    for (int i = 0, found = 0; i < CPU_SETSIZE; ++i)
      if (CPU_ISSET(i, &before) && found++ == copy) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(i, &one);
        sched_setaffinity(0, sizeof(one), &one);
      }
  }
  ~Pinned() { sched_setaffinity(0, sizeof(before), &before); }

private:
  cpu_set_t before;
#else
  explicit Pinned(int) {}
#endif
};

/// Runs `body` on this thread and, if `copies` is 2, on another one.
template <typename Fn>
void runCopies(int copies, Fn body) {
  if (copies == 1)
    return body(0);
  std::thread other([&] {
    Pinned pinned(1);
    body(1);
  });
  {
    Pinned pinned(0);
    body(0);
  }
  other.join();
}

void registerInstruction(PeakInstruction instruction, const char *name,
                         int copies) {
  if (!hasInstruction(instruction))
    return;
  // A thread may begin late, and where the other one runs.
  const int64_t count = copies == 1 ? 1 << 18 : 1 << 23;
  double macs = double(getProducts(instruction)) * copies * count *
                (instruction == PeakInstruction::Vpdpbusd512   ? 24
                 : instruction == PeakInstruction::Vpmaddwd256 ? 12
                                                               : 4);
  registerCase(
      std::string("peak/") + name + (copies == 2 ? "/2threads" : ""), {macs, 0},
      [=] {
        return Prepared{[=] {
                          runCopies(copies,
                                    [=](int) { runPeak(instruction, count); });
                        },
                        "", ""};
      },
      /*countsWallTime=*/copies == 2);
}

/// Each copy reads a buffer of its own, as often as makes 512 MiB.
void registerRead(const char *name, size_t size, int copies) {
  int64_t passes = std::max<int64_t>(1, (int64_t(1) << 29) / int64_t(size));
  registerCase(
      std::string("read/") + name + (copies == 2 ? "/2threads" : ""),
      {0, double(size) * passes * copies},
      [=] {
        std::vector<std::shared_ptr<char>> buffers;
        for (int i = 0; i < copies; ++i)
          buffers.push_back(makeBuffer(size));
        return Prepared{[=] {
                          runCopies(copies, [&](int copy) {
                            for (int64_t i = 0; i < passes; ++i) {
                              uint64_t read =
                                  readBytes(buffers[copy].get(), size);
                              asm volatile("" : : "r"(read) : "memory");
                            }
                          });
                        },
                        "", ""};
      },
      /*countsWallTime=*/copies == 2);
}

} // namespace

void registerPeaks() {
  for (int copies : {1, 2}) {
    registerInstruction(PeakInstruction::Vpdpbusd512, "vpdpbusd512", copies);
    registerInstruction(PeakInstruction::Tdpbusd, "tdpbusd", copies);
    // What int8 weights of 4096 x 4096 take; with two copies half of it each.
    registerRead("16MiB", size_t(16) << 20 >> (copies - 1), copies);
    registerRead("8MiB", size_t(8) << 20 >> (copies - 1), copies);
    registerRead("256MiB", size_t(256) << 20, copies);
  }
  registerInstruction(PeakInstruction::Vpmaddwd256, "vpmaddwd256", 1);
}
