// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of a left factor that are no rows of a matrix, as those of convolutions:
// the terms of row m are runs, and term k of run r is element
//
//   place(m) + place(r) + k
//
// of the factor's memory. So a thread computes place(m) once for each of its
// rows, and place(r) once for all of them (implicit GEMM: no matrix of windows
// is written).

#ifndef QFMT_LIB_CODEGEN_GPU_GATHEREDROWS_H
#define QFMT_LIB_CODEGEN_GPU_GATHEREDROWS_H

#include "KernelBuilder.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"

namespace mlir::qfmt {

/// A map (m, r, k) -> (...) as a sum: what m and r add to each result; k is
/// added to the last one.
struct RowMap {
  SmallVector<AffineExpr> rows, runs;
};

/// None if `map` is no such sum.
std::optional<RowMap> splitRowMap(AffineMap map);

class GatheredRows {
public:
  /// `op` has `rows`, and so a left factor with known sizes and strides.
  explicit GatheredRows(kernel::ProductOp op);

  /// The largest power of two, at most `limit`, that divides the places of all
  /// runs of all rows.
  int64_t getAlignment(int64_t limit) const;
  /// Terms of a run that are there.
  int64_t getRunTerms() const { return runTerms; }

  /// Elements behind the first one.
  Value emitRow(KernelBuilder &b, Value row) const;
  /// Where neighbouring terms from `term` on lie behind their row's place, and
  /// how many of `count`, which divides the terms of a run, there are.
  struct Terms {
    Value place, count;
  };
  Terms emitTerms(KernelBuilder &b, Value term, int64_t count) const;

private:
  Value emitPlace(KernelBuilder &b, ArrayRef<AffineExpr> exprs,
                  Value dim) const;

  RowMap map;
  SmallVector<int64_t> strides;
  int64_t offset;
  /// Terms of a run in the left factor, and in the right one.
  int64_t numRuns, runTerms, storedTerms;
  /// Places have 64 bits.
  bool isLarge;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_GATHEREDROWS_H
