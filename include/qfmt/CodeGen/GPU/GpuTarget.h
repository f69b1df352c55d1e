// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What code generation for GPUs knows of its target: who runs the kernels, and
// the chip they are for.

#ifndef QFMT_CODEGEN_GPU_GPUTARGET_H
#define QFMT_CODEGEN_GPU_GPUTARGET_H

#include "mlir/IR/BuiltinOps.h"
#include <optional>

namespace mlir::qfmt {

/// Who runs kernels, and so the form in which they are kept.
enum class GpuRuntime {
  /// NVIDIA's driver; PTX text.
  Cuda,
  /// The simulator; LLVM bitcode of what would become PTX.
  Sim,
  /// Any Vulkan driver; SPIR-V.
  Vulkan,
  /// AMD's driver; the instructions as text, which nothing here can load.
  Rocm,
};

/// "cuda", "sim", "vulkan" or "rocm".
StringRef getName(GpuRuntime runtime);

/// Of a module: the target, a dictionary {runtime = "cuda", chip = "sm_90a"}.
/// qfmt-set-gpu-target writes it, and no pass has options of its own for it.
constexpr llvm::StringLiteral kGpuTargetAttr = "qfmt_gpu.target";

struct GpuTarget {
  GpuRuntime runtime = GpuRuntime::Cuda;
  /// LLVM's name of the chip, sm_90a or gfx942; of Vulkan targets the version
  /// of the environment, vulkan1.1 or vulkan1.3.
  std::string chip;

  /// What qfmt-set-gpu-target has written; none if there is none. The dialect
  /// has verified it.
  static std::optional<GpuTarget> get(Operation *op);

  /// Checks names that a user gave; an empty chip is the runtime's usual one.
  /// An unknown one is an error at `loc` with the nearest that there are.
  static FailureOr<GpuTarget> create(Location loc, GpuRuntime runtime,
                                     StringRef chip);

  /// Fails unless `attribute` of `op` is what `set` writes.
  static LogicalResult verify(Operation *op, NamedAttribute attribute);

  void set(ModuleOp module) const;

  /// True if kernels are NVVM IR.
  bool isNvvm() const {
    return runtime == GpuRuntime::Cuda || runtime == GpuRuntime::Sim;
  }
  /// 90 for sm_90 and sm_90a; 0 if the chip is not NVIDIA's.
  unsigned getComputeCapability() const;
  /// True for sm_90a, sm_100a and so on: code for this chip alone, with wgmma
  /// or tcgen05.
  bool isArchSpecific() const;
  /// int8 and f16 tensor cores by mma.sync, ldmatrix, cp.async.
  bool hasMmaSync() const { return getComputeCapability() >= 80; }
  /// Products of four bytes in one instruction (dp4a).
  bool hasByteDot() const { return getComputeCapability() >= 61; }
  /// True if AMD's chip has what LLVM calls `name`, dot1-insts for example.
  bool hasAmdFeature(StringRef name) const;
  /// wgmma, which sm_90a alone has.
  bool hasWgmma() const {
    return getComputeCapability() == 90 && isArchSpecific();
  }
  /// Turns of all loops of a thread together that a kernel may count on
  /// (lib/CodeGen/GPU/LoopTurns.h); none: any number. Mesa's lavapipe ends
  /// loops after 65535 and goes on behind them; half of it, since what drivers
  /// make of loops is theirs.
  std::optional<int64_t> getMaxLoopTurns() const {
    if (runtime == GpuRuntime::Vulkan)
      return int64_t(1) << 15;
    return std::nullopt;
  }
  /// Elements that a tensor may have; none: any number. Indices of kernels for
  /// Vulkan have 32 bits and a sign, and loops go past the last element by as
  /// many as there are threads, 65535 x 128.
  std::optional<int64_t> getMaxElements() const {
    if (runtime == GpuRuntime::Vulkan)
      return (int64_t(1) << 31) - (int64_t(1) << 23);
    return std::nullopt;
  }
  /// Bytes of shared memory that a block may have, for NVIDIA's chips.
  int64_t getSharedBytesPerBlock() const;
  /// Multiprocessors of the largest device of the chip; what estimates of time
  /// take.
  int64_t getNumProcessors() const;
  /// Bytes that its memory gives in a cycle of these, for estimates.
  double getMemoryBytesPerCycle() const;
  /// What LLVM is told beside the chip. Never empty for chips whose least PTX
  /// version has not what kernels need.
  StringRef getFeatures() const;
};

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_GPU_GPUTARGET_H
