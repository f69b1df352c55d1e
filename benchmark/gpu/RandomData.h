// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Data that need not be carried along: the same numbers here and in cases.py.

#ifndef QFMT_BENCHMARK_GPU_RANDOMDATA_H
#define QFMT_BENCHMARK_GPU_RANDOMDATA_H

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace qfmt::gpu::benchmark {

/// Number `i` of the sequence `seed`: splitmix64.
inline uint64_t getRandomWord(uint64_t seed, uint64_t i) {
  uint64_t z = (seed << 40) + (i + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

/// Kinds of data, by name:
///   bytes  all bytes alike
///   e4m3   bytes that are finite as f8E4M3FN
///   f32    multiples of 2^-23 in [-1, 1)
///   bf16   the same, upper half of the bits
inline const std::vector<std::string> &getRandomKinds() {
  static const std::vector<std::string> kinds = {"bytes", "e4m3", "f32",
                                                 "bf16"};
  return kinds;
}

inline float getRandomFloat(uint64_t seed, uint64_t i) {
  auto mantissa = int32_t(getRandomWord(seed, i) >> 40);
  return float(mantissa - (1 << 23)) / float(1 << 23);
}

/// False if there is no such kind, or `bytes` has parts of elements.
inline bool fillRandom(const std::string &kind, uint64_t seed, char *data,
                       uint64_t bytes) {
  bool isE4m3 = kind == "e4m3", isBf16 = kind == "bf16";
  if (isE4m3 || kind == "bytes") {
    for (uint64_t i = 0; i < bytes; ++i) {
      auto byte = uint8_t(getRandomWord(seed, i / 8) >> (8 * (i % 8)));
      bool isNan = isE4m3 && (byte & 0x7F) == 0x7F;
      data[i] = char(isNan ? byte - 1 : byte);
    }
    return true;
  }
  uint64_t elementBytes = isBf16 ? 2 : 4;
  if ((!isBf16 && kind != "f32") || bytes % elementBytes != 0)
    return false;
  for (uint64_t i = 0; i < bytes / elementBytes; ++i) {
    float value = getRandomFloat(seed, i);
    // Little-endian: the upper half comes last.
    std::memcpy(data + i * elementBytes,
                reinterpret_cast<const char *>(&value) + 4 - elementBytes,
                elementBytes);
  }
  return true;
}

/// Changes with every bit of `data`: the sum of its 64-bit words, the last one
/// padded with zeros, each times a random odd number, modulo 2^64.
inline uint64_t hashData(const char *data, uint64_t bytes) {
  uint64_t hash = 0;
  for (uint64_t i = 0; i * 8 < bytes; ++i) {
    uint64_t word = 0;
    std::memcpy(&word, data + i * 8, bytes - i * 8 < 8 ? bytes - i * 8 : 8);
    hash += word * (getRandomWord(0, i) | 1);
  }
  return hash;
}

} // namespace qfmt::gpu::benchmark

#endif // QFMT_BENCHMARK_GPU_RANDOMDATA_H
