// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SpirvKernels.h"
#include "mlir/Conversion/GPUToSPIRV/GPUToSPIRVPass.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/SPIRV/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/SPIRV/Serialization.h"
#include "gtest/gtest.h"

using namespace mlir;

static void replaceAll(std::string &text, const std::string &from,
                       const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
       at += to.size())
    text.replace(at, from.size(), to);
}

/// The whole module around the kernels.
static std::string wrap(std::string body, int threads,
                        const qfmt::gpu::test::SpirvTarget &target) {
  replaceAll(body, "!buf", "#spirv.storage_class<StorageBuffer>");
  replaceAll(body, "!shared", "#spirv.storage_class<Workgroup>");
  replaceAll(body, " kernel {",
             " kernel attributes {spirv.entry_point_abi = "
             "#spirv.entry_point_abi<workgroup_size = [" +
                 std::to_string(threads) + ", 1, 1]>} {");
  return "module attributes {gpu.container_module, spirv.target_env = "
         "#spirv.target_env<#spirv.vce<" +
         target.version + ", [" + target.capabilities + "], [" +
         target.extensions +
         "]>, #spirv.resource_limits<>>} { gpu.module @kernels {\n" + body +
         "\n} }";
}

std::vector<uint32_t> qfmt::gpu::test::makeSpirv(const std::string &body,
                                                 int threads,
                                                 const SpirvTarget &target) {
  MLIRContext context;
  context.loadDialect<arith::ArithDialect, ::mlir::gpu::GPUDialect,
                      memref::MemRefDialect, scf::SCFDialect,
                      spirv::SPIRVDialect, vector::VectorDialect>();
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(wrap(body, threads, target), &context);
  if (!module) {
    ADD_FAILURE() << "the kernels do not parse";
    return {};
  }
  PassManager passes(&context);
  passes.addPass(createConvertGPUToSPIRVPass(/*mapMemorySpace=*/false));
  auto &nested = passes.nest<spirv::ModuleOp>();
  nested.addPass(spirv::createSPIRVLowerABIAttributesPass());
  nested.addPass(spirv::createSPIRVUpdateVCEPass());
  SmallVector<uint32_t> binary;
  bool isLowered = succeeded(passes.run(*module));
  for (auto kernels : module->getOps<spirv::ModuleOp>())
    isLowered = isLowered && succeeded(spirv::serialize(kernels, binary));
  if (!isLowered || binary.empty()) {
    ADD_FAILURE() << "the kernels do not lower to SPIR-V";
    return {};
  }
  return {binary.begin(), binary.end()};
}
