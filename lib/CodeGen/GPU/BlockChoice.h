// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The blocks in which a product of bytes is computed, by an estimate of the
// time.

#ifndef QFMT_LIB_CODEGEN_GPU_BLOCKCHOICE_H
#define QFMT_LIB_CODEGEN_GPU_BLOCKCHOICE_H

#include "MmaTile.h"
#include "qfmt/CodeGen/GPU/GpuTarget.h"
#include <functional>

namespace mlir::qfmt {

struct ProductSize {
  int64_t rows, columns, terms;
  /// `rows` is a guess.
  bool hasUnknownRows;
  /// Each of `rows`.
  int64_t batches = 1;
  /// Rows of the right factor are terms.
  bool isByTerms = false;
  /// Accumulators of an element of the result.
  int64_t sumsPerElement = 1;
  /// Its left factor's rows are gathered, see GatheredRows.h.
  bool isGathered = false;
  /// Of shared memory that a part of both factors takes.
  std::function<int64_t(const BlockShape &)> getStageBytes;
};

/// 0 where nothing is asked for.
struct BlockRequest {
  int64_t rows, columns, stages;
};

/// In cycles of the device; a kernel takes at least the largest.
struct KernelEstimate {
  int64_t productCycles, memoryCycles;
  /// Of blocks one after the other on a processor, with what blocks read again.
  int64_t blockCycles;
};

/// Fails, with an error at `loc` that names the option, for numbers that no
/// block has.
LogicalResult verifyRequest(Location loc, const BlockRequest &request,
                            int64_t rowsIfUnknown);

/// "64 x any in 3 stages".
std::string describe(const BlockRequest &request);

/// None if no block of the requested size fits the shared memory.
std::optional<BlockShape> chooseBlock(const GpuTarget &target,
                                      const ProductSize &size,
                                      const BlockRequest &request);

KernelEstimate estimateKernel(const GpuTarget &target, const ProductSize &size,
                              const BlockShape &shape, int64_t memoryBytes);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_BLOCKCHOICE_H
