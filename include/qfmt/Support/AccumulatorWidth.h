//===- AccumulatorWidth.h - Bits of exact dot products ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two's complement accumulators that hold every sum of `terms` products without
// rounding, as hardware cost models count them (Kulisch accumulation).
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_SUPPORT_ACCUMULATORWIDTH_H
#define QFMT_SUPPORT_ACCUMULATORWIDTH_H

#include "qfmt/Support/Integer.h"
#include "qfmt/Support/Minifloat.h"

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

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_ACCUMULATORWIDTH_H
