// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants that stay packed: matrices of bytes in as few bits as their
// different values need, and scales.

#ifndef QFMT_LIB_CODEGEN_CPU_PACKEDCONSTANTS_H
#define QFMT_LIB_CODEGEN_CPU_PACKEDCONSTANTS_H

#include "ByteDotProduct.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"

namespace mlir::qfmt {

/// `matrix`, a constant N x K or N x G x K of signed bytes, as an
/// unpack_integers of a constant; null if it has no data.
Value emitPackedIntegers(ImplicitLocOpBuilder &b, Value matrix);

/// The unsigned bytes of field `field` of a vector of packed bytes: what
/// `offset` is added to. `inPlace`, only without a table: the codes times
/// 2^(field * bits), which takes no shift.
Value emitField(ImplicitLocOpBuilder &b, cpu::UnpackIntegersOp op, Value bytes,
                int64_t field, bool inPlace);

/// The numbers of codes that `op` reads, a scalar or a vector.
Value emitDecodedScale(ImplicitLocOpBuilder &b, cpu::UnpackScalesOp op,
                       Value codes);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_PACKEDCONSTANTS_H
