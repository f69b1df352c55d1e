// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with constants of few bits, found in linalg.generic on tensors:
// bytes in groups, as qfmt-factor-scales makes them, bytes, or f16 and bf16.
//
// With floats the constant is what decodes it, codes and scales: which format
// it had does not matter. Formats whose numbers are no integers of 8 bits times
// one power of two are left alone, and so are activations of f32.

#ifndef QFMT_LIB_CODEGEN_GPU_WEIGHTSOFFEWBITS_H
#define QFMT_LIB_CODEGEN_GPU_WEIGHTSOFFEWBITS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include <optional>
#include <vector>

namespace mlir::qfmt {

/// A product and its constant factor.
struct WeightsOfFewBits {
  /// Has the result.
  linalg::GenericOp product;
  /// M x K, or M x groups x terms.
  Value lhs;
  int64_t n, groups, groupTerms;
  /// [n][groups][terms].
  std::vector<int8_t> integers;
  /// [groups][n]; may be empty.
  std::vector<double> groupScales;
  /// M x groups; may be null.
  Value rowScales;
  /// What sums are multiplied by, and what is added to them, for each column;
  /// may be empty.
  std::vector<double> columnScales;
  std::vector<int64_t> columnAddends;
  /// Integer sums become f32 before anything else is done with them.
  bool convertsSums = false;

  Value getInit() { return product.getDpsInits()[0]; }
  bool hasScales() const { return !groupScales.empty() || rowScales; }
};

/// None, with the reason in `whyNot` if others may want to know.
std::optional<WeightsOfFewBits> matchWeightsOfFewBits(linalg::GenericOp op,
                                                      StringRef &whyNot);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_WEIGHTSOFFEWBITS_H
