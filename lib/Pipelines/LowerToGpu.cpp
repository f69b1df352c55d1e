//===- LowerToGpu.cpp - The pipeline qfmt-lower-to-gpu --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents-level IR, as qfmt-lower-to-llvm takes it.
// Output: the LLVM dialect for the host, and gpu.binary with the kernels; host
//         code calls the functions of lib/Runtime/GPU/Mgpu.h.
//
// Everything that computes on tensors is a kernel; loops and functions are
// code of the host.
//
//===----------------------------------------------------------------------===//

#include "LoweringStages.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/SPIRV/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/CodeGen/Products/Passes.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Transforms/Passes.h"

namespace mlir::qfmt {

static void addRescalingPasses(OpPassManager &pm) {
  pm.addPass(createDyadicScalesToWords());
}

/// What has to see codes before what computes and what decodes them is fused.
static void addFactoringPasses(OpPassManager &pm, const GpuOptions &options) {
  FactorFloat8ScalesOptions float8;
  float8.tier = options.tier;
  pm.addPass(createFactorFloat8Scales(float8));
  pm.addPass(createUnpackCodes());
}

/// Products together with what follows them.
static void addFusionPasses(OpPassManager &pm, const GpuOptions &options) {
  FuseFloat8ProductsOptions float8;
  float8.tier = options.tier;
  pm.addPass(createFuseFloat8Products(float8));
  FuseScaledProductsOptions fewBits;
  fewBits.tier = options.tier;
  pm.addPass(createFuseScaledProducts(fewBits));
  pm.addPass(createChannelsLast());
  pm.addPass(createConvolutionsToProducts());
  BatchesToRowsOptions batches;
  batches.tier = options.tier;
  pm.addPass(createBatchesToRows(batches));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createCollapseReaders());
  pm.addPass(createCanonicalizerPass());
  FuseProductsOptions fuse;
  fuse.tier = options.tier;
  pm.addPass(createFuseProducts(fuse));
  FuseVariableProductsOptions variables;
  variables.tier = options.tier;
  pm.addPass(createFuseVariableProducts(variables));
  pm.addPass(createCodesToLinalg());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

/// Computations on buffers to gpu.launch.
static void addKernelPasses(OpPassManager &pm, const GpuOptions &options) {
  pm.addPass(createScaledProductsToKernels());
  pm.addPass(createProductsToDots());
  ProductsToKernelsOptions products;
  products.tier = options.tier;
  pm.addPass(createProductsToKernels(products));
  pm.addPass(createCopiesToLoops());
  pm.addPass(createLinalgGeneralizeNamedOpsPass());
  pm.addPass(createLookupToMemory());
  pm.addPass(createLinalgToKernels());
  pm.addPass(createConstantsToWords());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createDeviceMemory());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createLegalizeGpuTypes());
  // Canonicalization would make one view of two, one of which is outside of the
  // kernel and the other one within.
  FlattenKernelBuffersOptions flatten;
  flatten.wideAsWords = options.emulateWideIntegers;
  pm.addPass(createFlattenKernelBuffers(flatten));
  pm.addPass(createGpuLaunchSinkIndexComputationsPass());
}

/// gpu.launch to functions of one gpu.module, everything else in one stream.
static void addOutliningPasses(OpPassManager &pm, const GpuOptions &options) {
  pm.addPass(createGpuKernelOutliningPass());
  pm.addNestedPass<func::FuncOp>(createGpuAsyncRegionPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createMergeKernels());
  AttachGpuTargetOptions attach;
  attach.optLevel = options.optLevel;
  pm.addPass(createAttachGpuTarget(attach));
}

/// Arithmetic that no target has, in arithmetic that all have.
static void addKernelArithmeticPasses(OpPassManager &kernels,
                                      const GpuOptions &options) {
  kernels.addPass(createWidenMath());
  kernels.addPass(createKernelMath());
  bool isVulkan = options.runtime == GpuRuntime::Vulkan;
  // LLVM has maximumf and minimumf of IEEE 754, SPIR-V has not.
  addArithmeticPasses(kernels, isVulkan);
  // LLVM has integers of any width, SPIR-V has not. Casts between these and
  // floats of as many bits cancel out first.
  if (isVulkan) {
    kernels.addPass(createCanonicalizerPass());
    kernels.addPass(createWidenOddIntegers());
  }
  if (options.emulateWideIntegers)
    kernels.addPass(createEmulateWideIntegers());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
}

/// Kernels to NVVM or ROCDL.
static void addKernelLLVMPasses(OpPassManager &pm, const GpuOptions &options) {
  auto &kernels = pm.nest<gpu::GPUModuleOp>();
  addKernelArithmeticPasses(kernels, options);
  kernels.addPass(createConvertVectorToSCFPass(
      VectorTransferToSCFOptions().enableFullUnroll()));
  bool isRocm = options.runtime == GpuRuntime::Rocm;
  if (!isRocm)
    kernels.addPass(createConvertNVGPUToNVVMPass());
  kernels.addPass(createSCFToControlFlowPass());
  kernels.addPass(createLowerAffinePass());
  kernels.addPass(memref::createExpandStridedMetadataPass());
  kernels.addPass(createConvertVectorToLLVMPass());
  kernels.addPass(createConvertMathToLLVMPass());
  if (isRocm) {
    ConvertGpuOpsToROCDLOpsOptions convert;
    convert.chipset = options.chip.empty() ? "gfx942" : options.chip;
    convert.useBarePtrCallConv = true;
    kernels.addPass(createConvertGpuOpsToROCDLOps(convert));
    kernels.addPass(createReplaceDeviceFunctions());
  } else {
    ConvertGpuOpsToNVVMOpsOptions convert;
    convert.useBarePtrCallConv = true;
    kernels.addPass(createConvertGpuOpsToNVVMOps(convert));
    // What is PTX text.
    kernels.addPass(createConvertNVVMToLLVMPass());
  }
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createReconcileUnrealizedCastsPass());
  // The simulator names places in the source.
  if (options.runtime == GpuRuntime::Sim) {
    pm.addPass(createKernelLocations());
    pm.addPass(LLVM::createDIScopeForLLVMFuncOpPass());
  }
}

/// Kernels to SPIR-V.
static void addKernelSpirvPasses(OpPassManager &pm, const GpuOptions &options) {
  auto &kernels = pm.nest<gpu::GPUModuleOp>();
  addKernelArithmeticPasses(kernels, options);
  kernels.addPass(createLowerAffinePass());
  kernels.addPass(createConvertMathToSPIRVPass());
  // After the last canonicalization, which would undo part of it.
  pm.addPass(createLegalizeGpuTypes());
  pm.addPass(createConvertGPUToSPIRVPass());
  auto &code = pm.nest<spirv::ModuleOp>();
  code.addPass(createCanonicalizerPass());
  code.addPass(createCSEPass());
  code.addPass(spirv::createSPIRVLowerABIAttributesPass());
  code.addPass(spirv::createSPIRVUpdateVCEPass());
}

/// Kernels to what a runtime loads.
static void addBinaryPasses(OpPassManager &pm, const GpuOptions &options) {
  if (options.runtime == GpuRuntime::Vulkan) {
    addKernelSpirvPasses(pm, options);
    pm.addPass(createSpirvToBinary());
    return;
  }
  addKernelLLVMPasses(pm, options);
  GpuModuleToBinaryPassOptions binary;
  binary.compilationTarget =
      options.runtime == GpuRuntime::Sim ? "llvm" : "isa";
  pm.addPass(createGpuModuleToBinaryPass(binary));
}

/// The host's part to the LLVM dialect.
static void addHostPasses(OpPassManager &pm, const GpuOptions &options) {
  pm.addPass(createTensorMapsToCalls());
  pm.addPass(createWeightsToBlob());
  pm.addPass(createSymbolDCEPass());
  pm.addPass(memref::createExpandOpsPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  GpuToLLVMConversionPassOptions convert;
  convert.kernelBarePtrCallConv = true;
  convert.kernelIntersperseSizeCallConv = options.runtime == GpuRuntime::Vulkan;
  pm.addPass(createGpuToLLVMConversionPass(convert));
  addLLVMPasses(pm);
}

void buildLowerToGpuPipeline(OpPassManager &pm, const GpuOptions &options) {
  SetGpuTargetOptions target;
  target.runtime = options.runtime;
  target.chip = options.chip;
  pm.addPass(createSetGpuTarget(target));
  // Before anything that takes what a body does not read as overwritten.
  PartialWritesToLoopsOptions partial;
  partial.refuse = true;
  pm.addPass(createPartialWritesToLoops(partial));
  pm.addPass(createVerifyTensorSizes());
  pm.addPass(createUnpackConstants());
  addFactoringPasses(pm, options);
  addTensorPasses(pm, addRescalingPasses); // linalg on tensors
  addFusionPasses(pm, options);            // qfmt_gpu on tensors
  addBufferPasses(pm);                     // memref
  addKernelPasses(pm, options);            // gpu.launch
  addOutliningPasses(pm, options);         // gpu.module
  addBinaryPasses(pm, options);            // gpu.binary
  addHostPasses(pm, options);              // llvm
}

} // namespace mlir::qfmt
