// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Instructions that add up the products of the four bytes of two words.

#ifndef QFMT_LIB_CODEGEN_GPU_PACKEDDOT_H
#define QFMT_LIB_CODEGEN_GPU_PACKEDDOT_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qfmt/CodeGen/GPU/GpuTarget.h"

namespace mlir::qfmt {

enum class PackedDot {
  None,
  /// dp4a of NVIDIA's chips from sm_61 on: each factor signed or not.
  Dp4a,
  /// OpSDot, OpUDot and OpSUDot of SPIR-V 1.6, which Vulkan 1.3 has.
  Spirv,
  /// v_dot4_i32_i8 and v_dot4_u32_u8 of AMD's gfx906, gfx908, gfx90a, gfx94x,
  /// gfx95x, gfx1011 and gfx103x: both factors signed, or neither.
  AmdSameSigns,
  /// v_dot4_i32_iu8 of AMD's gfx11 and newer: each factor signed or not.
  AmdAnySigns,
};

PackedDot getPackedDot(const GpuTarget &target);

inline bool hasPackedDot(const GpuTarget &target) {
  return getPackedDot(target) != PackedDot::None;
}

/// Four bytes of one factor, as an i32.
struct PackedBytes {
  Value word;
  bool isUnsigned;
};

/// `sum`, an i32, and the products of four bytes each; it wraps. `dot` is not
/// None.
Value emitPackedDot(ImplicitLocOpBuilder &b, PackedDot dot, PackedBytes left,
                    PackedBytes right, Value sum);

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_PACKEDDOT_H
