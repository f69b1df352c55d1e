// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bodies of named linalg operations cannot be changed; those of
// linalg.generic can.

#ifndef QFMT_LIB_TRANSFORMS_GENERALIZENAMED_H
#define QFMT_LIB_TRANSFORMS_GENERALIZENAMED_H

#include "mlir/IR/Operation.h"
#include "mlir/Support/LLVM.h"

namespace mlir::qfmt {

/// Rewrites the named linalg operations around `bodyOps` as linalg.generic, in
/// order; their discardable attributes stay. `bodyOps` are dangling then.
/// Where that is impossible: "<op> has <what>, but cannot be written as
/// linalg.generic".
LogicalResult generalizeNamedParents(ArrayRef<Operation *> bodyOps,
                                     StringRef what);

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_GENERALIZENAMED_H
