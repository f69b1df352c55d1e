// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Instructions that add up the products of the four bytes of two words.

#ifndef QFMT_LIB_CODEGEN_GPU_PACKEDDOT_H
#define QFMT_LIB_CODEGEN_GPU_PACKEDDOT_H

#include "qfmt/CodeGen/GPU/GpuTarget.h"

namespace mlir::qfmt {

/// dp4a of NVIDIA's chips, OpSDot of SPIR-V 1.6, which Vulkan 1.3 has.
inline bool hasPackedDot(const GpuTarget &target) {
  return target.hasByteDot() ||
         (target.runtime == GpuRuntime::Vulkan && target.chip == "vulkan1.3");
}

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_PACKEDDOT_H
