//===- AccumulatorWidth.cpp - Bits of exact dot products ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/AccumulatorWidth.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir::qfmt;

unsigned mlir::qfmt::getExactAccumulatorBits(const IntegerSpec &a,
                                             const IntegerSpec &b,
                                             uint64_t terms) {
  return a.width + b.width + llvm::Log2_64_Ceil(terms);
}

unsigned mlir::qfmt::getExactAccumulatorBits(const MinifloatSpec &a,
                                             const MinifloatSpec &b,
                                             uint64_t terms) {
  unsigned product = (a.mantissaBits + 1) + (b.mantissaBits + 1);
  unsigned shifts = (1u << a.exponentBits) - 2 + (1u << b.exponentBits) - 2;
  return product + shifts + 1 + llvm::Log2_64_Ceil(terms);
}
