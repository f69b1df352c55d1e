//===- SpirvToBinary.cpp - SPIR-V modules as bytes ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  gpu.module and beside it the spirv.module that convert-gpu-to-spirv
//         made of it.
// Output: gpu.binary of the same name.
//
// Products and sums of floats are marked such that no driver joins them to one
// operation with one rounding. The version is the target's: spirv-update-vce
// takes the least that the operations have, but which variables an entry point
// lists depends on the version for which the module was made.
//
// Upstream's gpu-module-to-binary wants the one in the other.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "mlir/Target/SPIRV/Serialization.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_SPIRVTOBINARY
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// What convert-gpu-to-spirv puts before the name of a module.
constexpr llvm::StringLiteral kPrefix = "__spv__";

/// Promises that sums do not wrap are dropped: validators ask for an extension
/// where they are part of the version.
void setDecorations(spirv::ModuleOp code) {
  code->walk([](Operation *op) {
    op->removeAttr("no_signed_wrap");
    op->removeAttr("no_unsigned_wrap");
    if (isa<spirv::FAddOp, spirv::FSubOp, spirv::FMulOp>(op))
      op->setAttr("no_contraction", UnitAttr::get(op->getContext()));
  });
}

void setVersion(spirv::ModuleOp code, spirv::TargetEnvAttr target) {
  std::optional<spirv::VerCapExtAttr> least = code.getVceTriple();
  if (!least || !target)
    return;
  SmallVector<spirv::Capability> capabilities(least->getCapabilities());
  SmallVector<spirv::Extension> extensions(least->getExtensions());
  code.setVceTripleAttr(spirv::VerCapExtAttr::get(
      target.getVersion(), capabilities, extensions, code.getContext()));
}

LogicalResult serialize(spirv::ModuleOp code, gpu::GPUModuleOp kernels) {
  setDecorations(code);
  setVersion(code, kernels->getAttrOfType<spirv::TargetEnvAttr>(
                       spirv::getTargetEnvAttrName()));
  SmallVector<uint32_t> words;
  if (failed(spirv::serialize(code, words)))
    return failure();
  OpBuilder b(kernels);
  StringRef bytes(reinterpret_cast<const char *>(words.data()),
                  words.size() * sizeof(uint32_t));
  auto object = b.getAttr<gpu::ObjectAttr>(
      kernels->getAttr(spirv::getTargetEnvAttrName()),
      gpu::CompilationTarget::Binary, b.getStringAttr(bytes), DictionaryAttr(),
      gpu::KernelTableAttr());
  gpu::BinaryOp::create(b, kernels.getLoc(), kernels.getName(),
                        /*offloadingHandler=*/nullptr,
                        b.getArrayAttr({object}));
  kernels.erase();
  code.erase();
  return success();
}

struct SpirvToBinaryPass : impl::SpirvToBinaryBase<SpirvToBinaryPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::StringMap<spirv::ModuleOp> codes;
    for (auto code : module.getOps<spirv::ModuleOp>())
      if (std::optional<StringRef> name = code.getName())
        codes[*name] = code;
    for (auto kernels :
         llvm::make_early_inc_range(module.getOps<gpu::GPUModuleOp>())) {
      auto code = codes.find((kPrefix + kernels.getName()).str());
      if (code == codes.end()) {
        emitError(kernels.getLoc()) << "'" << kernels.getName()
                                    << "' has not become a module of SPIR-V";
        return signalPassFailure();
      }
      if (failed(serialize(code->second, kernels)))
        return signalPassFailure();
    }
  }
};

} // namespace
} // namespace mlir::qfmt
