//===- AttachGpuTarget.cpp - The target of modules of kernels -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  gpu.module; the module's attribute qfmt_gpu.target.
// Output: the same with the attribute that serialization reads.
//
// LLVM ends the process for a chip with a PTX version that does not have it, as
// upstream's defaults do; so versions are always said.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_ATTACHGPUTARGET
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// What Vulkan drivers have that compute on small integers. A module names
/// those that it uses.
spirv::TargetEnvAttr getSpirvTarget(MLIRContext *context, StringRef chip) {
  using Cap = spirv::Capability;
  using Ext = spirv::Extension;
  SmallVector<Cap> capabilities{Cap::Shader,
                                Cap::Int8,
                                Cap::Int16,
                                Cap::Int64,
                                Cap::Float16,
                                Cap::Float64,
                                Cap::StorageBuffer8BitAccess,
                                Cap::StorageBuffer16BitAccess};
  SmallVector<Ext> extensions{Ext::SPV_KHR_storage_buffer_storage_class,
                              Ext::SPV_KHR_8bit_storage,
                              Ext::SPV_KHR_16bit_storage};
  spirv::Version version = spirv::Version::V_1_3;
  if (chip == "vulkan1.3") {
    version = spirv::Version::V_1_6;
    capabilities.append({Cap::DotProduct, Cap::DotProductInput4x8BitPacked});
  }
  auto triple =
      spirv::VerCapExtAttr::get(version, capabilities, extensions, context);
  return spirv::TargetEnvAttr::get(triple,
                                   spirv::getDefaultResourceLimits(context),
                                   spirv::ClientAPI::Vulkan);
}

Attribute getTarget(MLIRContext *context, const GpuTarget &target,
                    unsigned optLevel) {
  if (target.runtime == GpuRuntime::Vulkan)
    return getSpirvTarget(context, target.chip);
  if (target.runtime == GpuRuntime::Rocm)
    return ROCDL::ROCDLTargetAttr::get(context, optLevel, "amdgcn-amd-amdhsa",
                                       target.chip);
  return NVVM::NVVMTargetAttr::get(context, optLevel, "nvptx64-nvidia-cuda",
                                   target.chip, target.getFeatures());
}

/// Vulkan binds buffers with their sizes, and nothing else.
LogicalResult verifyVulkanArguments(gpu::GPUFuncOp kernel) {
  // Numbers may be sizes of such buffers.
  for (Type type : kernel.getArgumentTypes()) {
    auto buffer = dyn_cast<MemRefType>(type);
    if (buffer && !buffer.hasStaticShape())
      return emitError(kernel.getLoc())
             << "a kernel takes a buffer of type " << type
             << ", and for Vulkan sizes have to be known: give tensors static "
                "shapes and slices places that no loop of the host computes, "
                "or choose another target";
  }
  for (Type type : kernel.getArgumentTypes())
    if (!isa<MemRefType>(type))
      return emitError(kernel.getLoc())
             << "a kernel takes a number that the host computes, of type "
             << type
             << ", and kernels for Vulkan take buffers alone: let no offset, "
                "size or element depend on a loop of the host or on what it "
                "reads from a tensor, or choose another target";
  return success();
}

/// Vulkan's kernels say how many threads a block has.
LogicalResult setBlockSizes(gpu::GPUModuleOp kernels) {
  for (auto kernel : kernels.getOps<gpu::GPUFuncOp>()) {
    std::optional<ArrayRef<int32_t>> size = kernel.getKnownBlockSize();
    if (!kernel.isKernel())
      continue;
    if (!size)
      return kernel.emitOpError()
             << "is launched with blocks of an unknown size, which Vulkan does "
                "not have";
    kernel->setAttr(spirv::getEntryPointABIAttrName(),
                    spirv::getEntryPointABIAttr(kernel.getContext(), *size));
  }
  return success();
}

struct AttachGpuTargetPass : impl::AttachGpuTargetBase<AttachGpuTargetPass> {
  using AttachGpuTargetBase::AttachGpuTargetBase;

  void runOnOperation() override {
    std::optional<GpuTarget> target = GpuTarget::get(getOperation());
    if (!target) {
      emitError(getOperation().getLoc())
          << "the module does not say which GPU it is for; run "
             "qfmt-set-gpu-target";
      return signalPassFailure();
    }
    Attribute attribute = getTarget(&getContext(), *target, optLevel);
    for (auto kernels : getOperation().getOps<gpu::GPUModuleOp>()) {
      if (target->runtime != GpuRuntime::Vulkan) {
        kernels.setTargetsAttr(ArrayAttr::get(&getContext(), {attribute}));
        continue;
      }
      kernels->setAttr(spirv::getTargetEnvAttrName(), attribute);
      for (auto kernel : kernels.getOps<gpu::GPUFuncOp>())
        if (failed(verifyVulkanArguments(kernel)))
          return signalPassFailure();
      if (failed(setBlockSizes(kernels)))
        return signalPassFailure();
    }
  }
};

} // namespace
} // namespace mlir::qfmt
