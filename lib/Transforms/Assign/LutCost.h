//===- LutCost.h - FPGA area of a multiply-accumulate -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A structural estimate of the 6-input lookup tables that one
// multiply-accumulate unit takes; no measurement, only its order means
// something. With significands of p and q bits (sign excluded for floats),
// exponents of E and F bits and sums of N products:
//
//   integers  p q + A,                                 A = p + q + ceil(log2 N)
//   floats    p q + (E + F) + ceil(log2(R + 1)) (p + q + R) / 2 + A,
//             R = (2^E - 2) + (2^F - 2),           A = p + q + R + 1 +
//             ceil(log2 N)
//
// product, sum of exponents, barrel shifter, and an accumulator that holds
// every sum without rounding. An integer of b bits that meets a float counts as
// a float of E = 1 and b - 1 significant bits, which has the same values.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_ASSIGN_LUTCOST_H
#define QFMT_LIB_TRANSFORMS_ASSIGN_LUTCOST_H

#include "../FormatChoice.h"

namespace mlir::qfmt {

/// Of a unit that adds up `terms` >= 1 products, without the arithmetic on
/// scales. None if elements of a format are neither integers nor floats, or may
/// be of several formats.
std::optional<double> getLutCost(const FormatChoice &choice, int64_t terms,
                                 MLIRContext *context);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_ASSIGN_LUTCOST_H
