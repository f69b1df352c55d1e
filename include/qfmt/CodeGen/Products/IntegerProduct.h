// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of bytes, found by what they compute.

#ifndef QFMT_CODEGEN_PRODUCTS_INTEGERPRODUCT_H
#define QFMT_CODEGEN_PRODUCTS_INTEGERPRODUCT_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include <array>

namespace mlir::qfmt {

/// What a body computes from each code of 8 bits, as integers of 32 bits.
using CodeValues = std::array<int32_t, 256>;

/// A function of codes that adds a constant: code + offset.
struct CodeReading {
  bool isUnsigned;
  int32_t offset;
};

/// None if `values` does something else.
std::optional<CodeReading> getCodeReading(const CodeValues &values);

/// out[m, n] += f(lhs[m, k]) * g(rhs[k, n]) in 32 bits, modulo 2^32, on
/// tensors, with any order of the loops and the right factor transposed or not.
///
/// With two reductions (r, k) the terms are runs, as those of a convolution
/// are: out[m, n] += f(lhs[map(m, r, k)]) * g(rhs[r, k, n]). In a depthwise
/// convolution each column has terms of its own, lhs[map(m, r, k), n].
struct IntegerProduct {
  linalg::GenericOp op;
  OpOperand *lhs, *rhs;
  /// rhs is N x K, or rhs[n, r, k].
  bool isRhsTransposed;
  CodeValues lhsValues, rhsValues;
  /// Dynamic, if unknown; K and N are known. K counts the terms of all runs.
  int64_t m, n, k;
  /// Terms of a run, which lie together; K where there are no runs.
  int64_t run;
  /// The loops, the reductions as above.
  unsigned mLoop, nLoop;
  SmallVector<unsigned, 2> reductions;

  Value getInit() const { return linalg::GenericOp(op).getDpsInits()[0]; }
  int64_t getNumRuns() const { return k / run; }
  bool hasRuns() const { return reductions.size() == 2; }
  AffineMap getLhsMap() const {
    return linalg::GenericOp(op).getMatchingIndexingMap(lhs);
  }
  /// True if lhs is an M x K matrix.
  bool isRowMajor() const;
  bool isDepthwise() const { return getLhsMap().isFunctionOfDim(nLoop); }
};

/// An operation that adds products of a function of a code and one of a
/// constant code, whatever its loops are: all of a product but loops and sizes.
/// None, with the reason in `whyNot` if one might take it for such a thing.
std::optional<IntegerProduct> matchFactors(linalg::GenericOp op,
                                           StringRef &whyNot);

/// None, with the reason in `whyNot` if it is an operation that one might take
/// for a product of bytes.
std::optional<IntegerProduct> matchIntegerProduct(linalg::GenericOp op,
                                                  StringRef &whyNot);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_PRODUCTS_INTEGERPRODUCT_H
