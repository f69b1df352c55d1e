// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The right factor of a product by wgmma.
//
// A thread gets two neighbouring columns of each 8. A constant is stored with
// its columns dealt out such that these are neighbours in the result, up to 16
// of them, so that bytes are stored 16 at a time: see FragmentShape.

#ifndef QFMT_LIB_CODEGEN_GPU_WGMMAWEIGHTS_H
#define QFMT_LIB_CODEGEN_GPU_WGMMAWEIGHTS_H

#include "FragmentStore.h"

namespace mlir::qfmt {

struct WgmmaWeights {
  /// Columns of the product are rows.
  Value buffer;
  /// Columns of a block are runs of those of this shape.
  FragmentShape fragments;

  int64_t getRunColumns() const { return 8 * fragments.columns; }
};

/// True if rows of `matrix` begin at multiples of 16 bytes and lie in one
/// piece, as copies by tensor maps want it.
bool isCopiedByTensorMap(Value matrix);

/// A copy of which this is true, which the caller frees.
Value copyForTensorMap(KernelBuilder &b, Value matrix);

/// For blocks of `columns`; fails if `whyNot`.
FailureOr<WgmmaWeights> prepareWgmmaWeights(KernelBuilder &b,
                                            kernel::ProductOp op,
                                            int64_t columns, StringRef &whyNot);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_WGMMAWEIGHTS_H
