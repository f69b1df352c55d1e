// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product of few rows with a constant factor whose terms are sums of entries
// of tables, P terms for a code of each of M tables (additive codebooks):
//
//   w[g P + j, n] = (sum over m of table[m][code[g, m, n]][j]) scale[n]
//
// Products with all entries take less than products with all columns, if there
// are many more columns than entries, and a look-up stands for P products:
//
//   T[m][c] = sum over j of a[g P + j] table[m][c][j]    for each g
//   sum[n] += sum over m of T[m][code[g, m, n]]
//   result[n] = initial value + sum[n] scale[n]
//
// With P M terms for each g, and K = G P, a sum is within
// (P + G M + M + 3) 2^-24 scale[n] sum |a[k]| sum over m |table[m][code][j]| of
// the exact one, to first order: entries that cancel count with their
// magnitudes.

#ifndef QFMT_LIB_CODEGEN_CPU_TABLEPRODUCT_H
#define QFMT_LIB_CODEGEN_CPU_TABLEPRODUCT_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/Products/FloatProduct.h"

namespace mlir::qfmt {

/// A factor K x N as in the file comment.
struct CodeSums {
  /// P.
  int64_t period;
  /// C, a multiple of 16.
  int64_t numCodes;
  /// For each table: its entries, [P][C], and codes, [G][N].
  SmallVector<std::vector<float>> tables;
  SmallVector<std::vector<uint8_t>> codes;
  /// [N].
  std::vector<float> scales;
};

/// True if looking up pays for `product` with such a factor, and if its left
/// factor can be read.
bool profitsFromTables(const FloatProduct &product, const CodeSums &sums);

/// Interleaves elements of `bytes` bytes of the low or high halves of each 16
/// of 64 bytes.
Value emitInterleaved(ImplicitLocOpBuilder &b, Value x, Value y, int64_t bytes,
                      bool isHigh);

/// The product's result. With `hasByteTables` bytes are looked up in registers
/// (vpermi2b), four for an entry; else entries are gathered from memory.
Value emitTableProduct(ImplicitLocOpBuilder &b, const FloatProduct &product,
                       const CodeSums &sums, bool hasByteTables);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_TABLEPRODUCT_H
