// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The constant factor of a scaled product in the product's blocks: integers,
// and scales that are normal numbers.

#ifndef QFMT_LIB_CODEGEN_PRODUCTS_BLOCKEDWEIGHTS_H
#define QFMT_LIB_CODEGEN_PRODUCTS_BLOCKEDWEIGHTS_H

#include "qfmt/CodeGen/Products/ScaledProduct.h"

namespace mlir::qfmt {

struct BlockedWeights {
  /// [n][blocks * block size], 0 beyond the terms and where a scale is 0.
  std::vector<int64_t> integers;
  /// [blocks][n]; not 0.
  std::vector<float> scales;
};

/// Scales and integers of blocks of `product`, which may be parts of the
/// factor's own.
BlockedWeights splitWeights(const ScaledProduct &product,
                            const ConstantFactor &weights);

/// [n][blocks * block size], as they are.
std::vector<int64_t> splitIntegers(const ScaledProduct &product,
                                   const ConstantFactor &weights);

/// True if sums are those of blocks: if a scale is one of blocks, or if the
/// integers of the constant, or of each of its rows, take less than a byte,
/// which qfmt-pack-groups packs.
bool hasBlocks(const ScaledProduct &product, const ConstantFactor &weights);

/// True if no sum overflows that is not multiplied by a scale of the other
/// factor, neither in integers nor in floats.
bool isInRange(const ScaledProduct &product, const ConstantFactor &weights);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_PRODUCTS_BLOCKEDWEIGHTS_H
