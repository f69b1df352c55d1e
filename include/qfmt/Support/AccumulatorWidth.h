//===- AccumulatorWidth.h - Bits of exact dot products ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two's complement accumulators that hold every sum of `terms` products without
// rounding, as hardware cost models count them (Kulisch accumulation); and how
// many terms, of which more is known than their formats, an accumulator of
// given width holds. Dynamic fixed point cuts long sums into such chains (Das
// et al., "Mixed precision training of convolutional neural networks using
// integer operations", 2018).
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_ACCUMULATORWIDTH_H
#define QFMT_SUPPORT_ACCUMULATORWIDTH_H

#include "qfmt/Support/Integer.h"
#include "qfmt/Support/Minifloat.h"
#include "llvm/ADT/ArrayRef.h"
#include <limits>

namespace mlir::qfmt {

/// Wa + Wb + ceil(log2(terms)), terms >= 1.
unsigned getExactAccumulatorBits(const IntegerSpec &a, const IntegerSpec &b,
                                 uint64_t terms);

/// p + R + 1 + ceil(log2(terms)) with the significand product of
/// p = (Ma + 1) + (Mb + 1) bits and the shift range
/// R = (2^Ea - 2) + (2^Eb - 2). Formats whose exponent fields are all finite
/// (no IEEE specials) and have subnormals; terms >= 1.
unsigned getExactAccumulatorBits(const MinifloatSpec &a, const MinifloatSpec &b,
                                 uint64_t terms);

/// Any number of terms: all are 0.
inline constexpr uint64_t kAnyLength = std::numeric_limits<uint64_t>::max();

/// The most integers of lo <= x <= hi each whose sum, and every partial sum in
/// any order, is within -2^(bits - 1) ... 2^(bits - 1) - 1. 0 if not even one
/// is. lo <= hi; 1 <= bits <= 64.
///
/// For products of p-bit and q-bit numbers of symmetric range, h = -lo =
/// (2^(p-1) - 1) (2^(q-1) - 1), that is floor((2^(bits-1) - 1) / h): of 16 bits
/// 2, of 12 bits 512, of 8 bits 133144 for 32-bit accumulators.
uint64_t getSafeChainLength(int64_t lo, int64_t hi, unsigned bits);

/// The largest L such that any L consecutive `magnitudes` add up to at most
/// `limit`: the length of chains of products with constants of these magnitudes
/// if `limit` is floor((2^(bits - 1) - 1) / the other factor's largest
/// magnitude). At most the number of magnitudes.
uint64_t getSafeWindow(llvm::ArrayRef<uint64_t> magnitudes, uint64_t limit);

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_ACCUMULATORWIDTH_H
