//===- SimulatedDevice.cpp - Kernels as text, run by the simulator --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SimulatedDevice.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVM/NVVM/Target.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "gtest/gtest.h"

namespace mlir::qfmt {

static MLIRContext &getContext() {
  static MLIRContext *context = [] {
    registerAllPasses();
    DialectRegistry registry;
    registerAllDialects(registry);
    registerAllExtensions(registry);
    registerAllToLLVMIRTranslations(registry);
    NVVM::registerNVVMTargetInterfaceExternalModels(registry);
    return new MLIRContext(registry, MLIRContext::Threading::DISABLED);
  }();
  return *context;
}

std::string compileKernels(const std::string &body, const std::string &chip) {
  MLIRContext &context = getContext();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(
      "module attributes {gpu.container_module} {\ngpu.module @m {\n" + body +
          "}\n}\n",
      &context, "kernels.mlir");
  PassManager passes(&context);
  std::string pipeline =
      "nvvm-attach-target{chip=" + chip +
      " O=3},gpu.module(convert-nvgpu-to-nvvm,convert-scf-to-cf,"
      "convert-gpu-to-nvvm{use-bare-ptr-memref-call-conv=true},"
      "convert-nvvm-to-llvm,canonicalize,cse,reconcile-unrealized-casts),"
      "ensure-debug-info-scope-on-llvm-func{emission-kind=LineTablesOnly},"
      "gpu-module-to-binary{format=llvm}";
  if (!module || failed(parsePassPipeline(pipeline, passes)) ||
      failed(passes.run(*module)))
    return "";
  std::string bitcode;
  module->walk([&](gpu::BinaryOp binary) {
    auto object = cast<gpu::ObjectAttr>(binary.getObjects()[0]);
    bitcode = object.getObject().getValue().str();
  });
  return bitcode;
}

std::string takeError() {
  const char *error = qfmtGpuError();
  return error ? error : "";
}

SimulatedModule::SimulatedModule(const std::string &body) {
  std::string bitcode = compileKernels(body);
  EXPECT_FALSE(bitcode.empty()) << body;
  module = mgpuModuleLoad(bitcode.data(), bitcode.size());
  error = takeError();
}

std::string SimulatedModule::launch(std::array<int64_t, 3> grid,
                                    std::array<int64_t, 3> block,
                                    llvm::ArrayRef<const void *> pointers,
                                    llvm::ArrayRef<int32_t> integers,
                                    int32_t sharedBytes) {
  if (!error.empty())
    return error;
  std::vector<void *> parameters;
  for (const void *const &pointer : pointers)
    parameters.push_back(const_cast<const void **>(&pointer));
  for (const int32_t &integer : integers)
    parameters.push_back(const_cast<int32_t *>(&integer));
  void *function = mgpuModuleGetFunction(module, "k");
  mgpuLaunchKernel(function, grid[0], grid[1], grid[2], block[0], block[1],
                   block[2], sharedBytes, nullptr, parameters.data(), nullptr,
                   parameters.size());
  return takeError();
}

std::string replaced(std::string text, const std::string &from,
                     const std::string &to) {
  EXPECT_NE(text.find(from), std::string::npos) << from;
  for (size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

} // namespace mlir::qfmt
