//===- LowerToLLVM.cpp - The pipeline qfmt-lower-to-llvm ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constituents-level IR: linalg, tensor, arith, math, scf and func on
//         ordinary tensors, and qfmt's arithmetic (dyadic_scale, lookup, lmul,
//         sharpness).
// Output: the LLVM dialect; constants in the attribute qfmt.weights.
//
// No float operation is reordered, contracted or approximated.
//
//===----------------------------------------------------------------------===//

#include "LoweringStages.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"
#include "qfmt/CodeGen/CPU/Passes.h"
#include "qfmt/CodeGen/Products/Passes.h"
#include "qfmt/CodeGen/Threads/Passes.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"

namespace mlir::qfmt {

void addTensorPasses(OpPassManager &pm,
                     function_ref<void(OpPassManager &)> addRescaling) {
  pm.addPass(createInlinerPass());
  pm.addPass(createFactorScales());
  pm.addPass(createUnpackFactors());
  pm.addPass(createConvertPackingToLoops());
  pm.addPass(createExpandAggregates());
  pm.addPass(createSharpnessToLinalg());
  pm.addPass(createConvertElementwiseToLinalgPass());
  pm.addPass(createNarrowArithmetic());
  pm.addPass(createNarrowDyadicScales());
  if (addRescaling)
    addRescaling(pm);
  pm.addPass(createConvertQFmtToArith());
  // From here on no element is narrower than a byte, except i1.
  pm.addPass(createWidenStorage());
  pm.addPass(createLinalgGeneralizeNamedOpsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createFuseElementwise());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

/// Matrix products of bytes with constants as loops over vectors, together with
/// the element-wise operations around them.
static void addProductPasses(OpPassManager &pm) {
  pm.addPass(createPackGroups());
  pm.addPass(createGroupsToVectors());
  pm.addPass(createUnpackToLinalg());
  pm.addPass(createChannelsLast());
  pm.addPass(createConvolutionsToProducts());
  pm.addPass(createBatchesToProducts());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createCollapseReaders());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createPackProducts());
  // Products of few rows and codes of fewer bits.
  pm.addPass(createGroupsToVectors());
  pm.addPass(createProductsToVectors());
  pm.addPass(createUnpackToLinalg());
  pm.addPass(createFloatProductsToVectors());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void addBufferPasses(OpPassManager &pm) {
  pm.addPass(createReadOnlyArguments());
  pm.addPass(createContiguousBoundaries());
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  // A loop may compute its next value in new memory; deallocation follows.
  options.allowReturnAllocsFromLoops = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  bufferization::buildBufferDeallocationPipeline(
      pm, bufferization::BufferDeallocationPipelineOptions());
  pm.addNestedPass<func::FuncOp>(
      bufferization::createOptimizeAllocationLivenessPass());
  pm.addPass(createConvertBufferizationToMemRefPass());
}

/// linalg to scf loops in a good order, and those among threads.
static void addLoopPasses(OpPassManager &pm) {
  pm.addPass(createCopiesToLoops());
  pm.addPass(createLinalgGeneralizeNamedOpsPass());
  pm.addPass(createWidenBroadcasts());
  pm.addPass(createTransposesToVectors());
  pm.addPass(createLinalgToVectorLoops());
  // What is left is for LLVM's loop vectorizer.
  pm.addPass(createOrderLoops());
  pm.addPass(createLinalgToParallelLoops());
  pm.addPass(createConvertLinalgToLoopsPass());
  pm.addPass(createDistributeLoops());
  pm.addPass(createJoinParallelRegions());
  pm.addPass(createLookupToShuffles());
  pm.addPass(createLookupToMemory());
  pm.addPass(createHighProducts());
  pm.addPass(createDotsToLLVM());
  pm.addPass(createTilesToAmx());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

/// Large temporary buffers to one, constants, tables among them, to one blob.
static void addMemoryPasses(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createShareBuffers());
  pm.addPass(createWeightsToBlob());
  pm.addPass(createSymbolDCEPass());
}

void addArithmeticPasses(OpPassManager &pm, bool extrema) {
  pm.addPass(createWidenMath());
  ExpandArithOptions expand;
  expand.extrema = extrema;
  pm.addPass(createExpandArith(expand));
}

void addLLVMPasses(OpPassManager &pm) {
  addArithmeticPasses(pm);
  pm.addPass(memref::createExpandOpsPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createConvertVectorToSCFPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  // What LLVM has no intrinsic for is a call to the C library.
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addNestedPass<LLVM::LLVMFuncOp>(createKeepLongLoops());
}

void buildLowerToLLVMPipeline(OpPassManager &pm) {
  // Before anything that takes what a body does not read as overwritten.
  pm.addPass(createPartialWritesToLoops());
  addTensorPasses(pm);  // still constituents, as linalg.generic
  addProductPasses(pm); // the same, with loops
  addBufferPasses(pm);  // memref
  addLoopPasses(pm);    // scf
  addMemoryPasses(pm);  // one buffer, constants in one blob
  addLLVMPasses(pm);    // llvm
}

} // namespace mlir::qfmt
