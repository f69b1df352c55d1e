//===- SplitMix64.h - Random numbers that are the same anywhere -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The generator of Steele, Lea and Flood (OOPSLA 2014). The distributions of
// the standard library differ between platforms; these numbers do not.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_SPLITMIX64_H
#define QFMT_SUPPORT_SPLITMIX64_H

#include <cstdint>

namespace mlir::qfmt {

class SplitMix64 {
public:
  explicit SplitMix64(uint64_t seed) : state(seed) {}

  /// 64 random bits.
  uint64_t next() {
    state += 0x9e3779b97f4a7c15;
    uint64_t bits = state;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
  }

  /// In [0, 1), a multiple of 2^-53.
  double uniform() { return (next() >> 11) * 0x1p-53; }

private:
  uint64_t state;
};

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_SPLITMIX64_H
