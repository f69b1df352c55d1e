//===- AffineBody.h - Element-wise operations a x + b -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the body of an element-wise linalg operation as an affine function of
// the elements of one tensor, with constants that may differ from place to
// place.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_AFFINEBODY_H
#define QFMT_LIB_TRANSFORMS_AFFINEBODY_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include <optional>
#include <vector>

namespace mlir::qfmt {

/// One number a place (a channel, or each element).
using Coefficients = std::vector<double>;

/// factor * x + offset, one of each a place.
struct Affine {
  Coefficients factor, offset;
  /// False if the factors are 0 because x does not occur.
  bool dependsOnX;

  static Affine constant(Coefficients value);
  static Affine identity(size_t places);
  /// outer(inner(x))
  static Affine compose(const Affine &outer, const Affine &inner);

  bool isFinite() const;
};

/// What the body of `op` yields as a function of x: operands for which `isX`
/// holds are x, `read` gives the elements of the others, one a place, if they
/// are constant. None if the body is not affine in x.
std::optional<Affine>
evaluateAffineBody(linalg::LinalgOp op, size_t places,
                   function_ref<bool(OpOperand &)> isX,
                   function_ref<std::optional<Coefficients>(OpOperand &)> read);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_AFFINEBODY_H
