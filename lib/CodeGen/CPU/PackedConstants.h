// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants that stay packed: matrices of bytes in as few bits as their
// different values need, and scales.

#ifndef QFMT_LIB_CODEGEN_CPU_PACKEDCONSTANTS_H
#define QFMT_LIB_CODEGEN_CPU_PACKEDCONSTANTS_H

#include "ByteDotProduct.h"
#include "IntegerEncoding.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"

namespace mlir::qfmt {

/// A constant N x K or N x G x K of signed bytes as an unpack_integers of a
/// constant; groups of `encoding` are those of its last dimension. Terms that
/// fill it up have the code of 0, if there is one.
cpu::UnpackIntegersOp emitPackedIntegers(ImplicitLocOpBuilder &b,
                                         RankedTensorType type,
                                         ArrayRef<uint8_t> bytes,
                                         const IntegerEncoding &encoding);

/// The unsigned bytes of field `field` of a vector of packed bytes, without
/// `offset` and without what groups add. `inPlace`, only without a table: the
/// codes times 2^(field * bits), which takes no shift. `starts`, if groups have
/// tables, is what emitGroupBytes gives.
Value emitField(ImplicitLocOpBuilder &b, cpu::UnpackIntegersOp op, Value bytes,
                int64_t field, bool inPlace, Value starts = {});

/// The integers themselves, as signed bytes. `ofGroups` is what emitGroupBytes
/// gives, if groups say something.
Value emitSignedField(ImplicitLocOpBuilder &b, cpu::UnpackIntegersOp op,
                      Value bytes, int64_t field, Value ofGroups = {});

/// Of the bytes that say something of a group for 16 columns: `size` bytes for
/// the packed bytes from number `first` of 64 on.
Value emitGroupBytes(ImplicitLocOpBuilder &b, Value ofColumns, int64_t first,
                     int64_t size);

/// The numbers of codes that `op` reads, a scalar or a vector.
Value emitDecodedScale(ImplicitLocOpBuilder &b, cpu::UnpackScalesOp op,
                       Value codes);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_PACKEDCONSTANTS_H
