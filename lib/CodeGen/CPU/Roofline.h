// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How fast the loops of a matrix product can be, by what they multiply and what
// they have to read: an estimate, given as a remark (analysis, "Roofline").

#ifndef QFMT_LIB_CODEGEN_CPU_ROOFLINE_H
#define QFMT_LIB_CODEGEN_CPU_ROOFLINE_H

#include "ProductLoops.h"
#include "qfmt/CodeGen/CPU/CpuTarget.h"

namespace mlir::qfmt {

/// A product of `rows` x `terms` and `terms` x `columns`, and the bytes of what
/// it reads and writes, each counted once.
struct KernelSize {
  int64_t rows, columns, terms;
  int64_t leftBytes, rightBytes, resultBytes;
  /// Of the right factor as tiles read it: more than `rightBytes`, if panels of
  /// it are unpacked.
  int64_t panelBytes;
  /// Cycles of vector units that add up sums of groups while tiles are
  /// multiplied.
  int64_t groupCycles = 0;

  /// `left` are the tensors of the left factor, `right` those of the right one
  /// (codes, scales), `result` what is written. An unknown number of rows
  /// counts as `rowsIfUnknown`.
  static KernelSize get(int64_t rows, int64_t columns, int64_t terms,
                        int64_t rowsIfUnknown, ArrayRef<Type> left,
                        ArrayRef<Type> right, Type result);
};

/// What limits a kernel.
enum class Bound { Products, Groups, L2, Far };

struct Roofline {
  int64_t products;
  /// Bytes read from the level-2 cache, with what the loops read again; from
  /// beyond it, and written.
  int64_t l2Bytes, farBytes;
  /// Of each resource by itself; the kernel takes at least the largest.
  int64_t productCycles, groupCycles, l2Cycles, farCycles;

  int64_t getCycles() const;
  Bound getBound() const;
};

/// Of the loops of ProductLoops. A panel of the right factor comes from the
/// level-2 cache for each U rows, the left factor for each panel; from beyond
/// it the left factor comes once, and the right one for each block of rows, or
/// once if it takes at most half of the cache. `productsPerCycle` is the
/// rate of the target for vectors, tiles or floats.
Roofline estimateRoofline(const CpuTarget &target, int64_t productsPerCycle,
                          const KernelSize &size, const Blocking &blocking);

void reportRoofline(Location loc, StringRef category, const CpuTarget &target,
                    int64_t productsPerCycle, const KernelSize &size,
                    const Blocking &blocking);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_CPU_ROOFLINE_H
