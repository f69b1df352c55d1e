// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The constant factor of a product of bytes in the layout of the dot
// instructions.

#ifndef QFMT_LIB_CODEGEN_CPU_PACKEDFACTOR_H
#define QFMT_LIB_CODEGEN_CPU_PACKEDFACTOR_H

#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "qfmt/CodeGen/CPU/CpuTarget.h"
#include "qfmt/CodeGen/Products/IntegerProduct.h"

namespace mlir::qfmt {

/// Columns that lie together in a packed factor.
constexpr int64_t kColumnsPerBlock = 16;
/// Terms of one column that lie together, and that one instruction adds up.
constexpr int64_t kTermsPerDot = 4;

/// True if the bytes of a packed factor have narrow pairs, and `target` has
/// instructions for them.
bool hasNarrowPairs(const IntegerProduct &product, ArrayRef<uint8_t> packed,
                    const CpuTarget &target);
/// The same of codes, by the least and greatest integer.
bool hasNarrowPairs(cpu::UnpackIntegersOp codes, const CpuTarget &target);
/// The same of the packed factor of `product`.
bool hasNarrowPairs(const IntegerProduct &product, const CpuTarget &target);

/// The packed constant [N/16][K/4][16][4] of which `rhs` is an unpack; with
/// runs [N/16][R][K/4][16][4]; null if it is none.
Value getPackedFactor(Value rhs);
/// The operation, if `rhs` is a constant of codes of less than a byte; or null.
cpu::UnpackIntegersOp getPackedCodes(Value rhs);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_PACKEDFACTOR_H
