// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The registers of mma.sync m16n8k32 on bytes, and how they come from shared
// memory.

#ifndef QFMT_LIB_CODEGEN_GPU_MMAFRAGMENTS_H
#define QFMT_LIB_CODEGEN_GPU_MMAFRAGMENTS_H

#include "KernelBuilder.h"

namespace mlir::qfmt {

/// Registers of a thread: of 16 rows, of 8 columns, of their sums.
constexpr int64_t kLhsRegisters = 4, kRhsRegisters = 2, kSumRegisters = 4;
/// Rows of 16 bytes of one matrix of ldmatrix.
constexpr int64_t kMatrixRows = 8;

/// Appends the registers of four matrices of 8 x 8 words of 16 bits; lane 8 i +
/// j says at `address` where row j of matrix i is. Lane 4 g + t has words 2 t
/// and 2 t + 1 of row g, or, if matrices are transposed, word g of rows 2 t and
/// 2 t + 1.
void emitMatrices(KernelBuilder &b, Value address, bool isTransposed,
                  SmallVectorImpl<Value> &registers);

/// Adds to `sums` products of 16 rows, 8 columns and 32 terms, modulo 2^32.
void emitMma(KernelBuilder &b, ArrayRef<Value> lhs, bool isLhsUnsigned,
             ArrayRef<Value> rhs, bool isRhsUnsigned,
             MutableArrayRef<Value> sums);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_MMAFRAGMENTS_H
