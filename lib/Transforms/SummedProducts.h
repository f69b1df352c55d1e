// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The products that a linalg operation sums: matrix products, convolutions,
// attention, named or generic, and every other reduction whose body multiplies
// its inputs.

#ifndef QFMT_LIB_TRANSFORMS_SUMMEDPRODUCTS_H
#define QFMT_LIB_TRANSFORMS_SUMMEDPRODUCTS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::qfmt {

/// The arith.mulf and qfmt.lmul in the body of a linalg operation with
/// reduction loops both of whose factors are computed from `ins`. A factor that
/// is constant or captured only scales; the product is none that is counted.
SmallVector<Operation *> getSummedProducts(linalg::LinalgOp op);

/// The `ins` that the factors of these products are computed from, each once,
/// in order.
SmallVector<OpOperand *> getFactors(linalg::LinalgOp op);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_SUMMEDPRODUCTS_H
