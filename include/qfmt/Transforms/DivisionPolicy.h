// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_TRANSFORMS_DIVISIONPOLICY_H
#define QFMT_TRANSFORMS_DIVISIONPOLICY_H

namespace mlir::qfmt {

/// Whether qfmt-verify-integer-only accepts integer divisions of data.
enum class DivisionPolicy { Allow, Forbid };

} // namespace mlir::qfmt

#endif // QFMT_TRANSFORMS_DIVISIONPOLICY_H
