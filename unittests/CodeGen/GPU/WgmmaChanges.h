//===- WgmmaChanges.h - Kernels with wgmma changed for the worse -*- C++ -*-==//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What may go wrong in any ring of stages that TMA fills and wgmma reads.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_UNITTESTS_CODEGEN_GPU_WGMMACHANGES_H
#define QFMT_UNITTESTS_CODEGEN_GPU_WGMMACHANGES_H

#include "KernelChanges.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace mlir::qfmt {

/// Other bits in descriptors of shared memory.
Change flipDescriptors(int64_t bits);

/// Left factors are read as other numbers.
Change readAs(NVVM::WGMMATypes numbers);

/// The waits, arrivals, fences, descriptors and sizes of a kernel whose stages
/// have `stageBytes`.
SmallVector<ChangeForTheWorse> getRingChanges(int64_t stageBytes);

} // namespace mlir::qfmt

#endif // QFMT_UNITTESTS_CODEGEN_GPU_WGMMACHANGES_H
