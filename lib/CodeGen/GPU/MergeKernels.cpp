//===- MergeKernels.cpp - One module with all kernels ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  gpu.module with kernels, and gpu.launch_func, after outlining.
// Output: one gpu.module, equal kernels once.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/SymbolTable.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_MERGEKERNELS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

constexpr llvm::StringLiteral kModuleName = "kernels";

/// True if they are the same code, whatever their names.
bool isSameCode(gpu::GPUFuncOp a, gpu::GPUFuncOp b) {
  StringAttr name = b.getNameAttr();
  b.setName(a.getName());
  bool isSame = OperationEquivalence::isEquivalentTo(
      a, b, OperationEquivalence::IgnoreLocations);
  b.setName(name);
  return isSame;
}

class Merger {
public:
  Merger(gpu::GPUModuleOp target) : target(target), names(target) {}

  void take(gpu::GPUModuleOp source) {
    for (Operation &op :
         llvm::make_early_inc_range(source.getBody()->getOperations())) {
      auto kernel = cast<gpu::GPUFuncOp>(op);
      auto old = SymbolRefAttr::get(
          source.getSymNameAttr(),
          {FlatSymbolRefAttr::get(op.getContext(), kernel.getNameAttr())});
      auto known = llvm::find_if(kernels, [&](gpu::GPUFuncOp other) {
        return isSameCode(other, kernel);
      });
      if (known == kernels.end()) {
        op.remove();
        names.insert(&op);
        kernels.push_back(kernel);
        known = std::prev(kernels.end());
      }
      renamed[old] =
          SymbolRefAttr::get(target.getSymNameAttr(),
                             {FlatSymbolRefAttr::get(known->getNameAttr())});
    }
    source.erase();
  }

  DenseMap<Attribute, SymbolRefAttr> renamed;

private:
  gpu::GPUModuleOp target;
  SymbolTable names;
  SmallVector<gpu::GPUFuncOp> kernels;
};

/// Only kernels: what else a module has, global memory for example, belongs to
/// those that refer to it by name.
bool hasKernelsAlone(gpu::GPUModuleOp module) {
  return llvm::all_of(module.getBody()->getOperations(),
                      [](Operation &op) { return isa<gpu::GPUFuncOp>(op); });
}

struct MergeKernelsPass : impl::MergeKernelsBase<MergeKernelsPass> {
  void runOnOperation() override {
    SmallVector<gpu::GPUModuleOp> sources;
    for (auto source : getOperation().getOps<gpu::GPUModuleOp>())
      if (hasKernelsAlone(source))
        sources.push_back(source);
    if (!sources.empty())
      merge(getOperation(), sources);
  }

  void merge(ModuleOp module, ArrayRef<gpu::GPUModuleOp> sources) {
    OpBuilder b(sources.front());
    auto target =
        gpu::GPUModuleOp::create(b, module.getLoc(), "qfmt_merged_kernels");
    Merger merger(target);
    // All names at once, while the module's table is as it was.
    SymbolTable symbols(module);
    target.setName(kModuleName);
    for (gpu::GPUModuleOp source : sources)
      if (source.getName() == kModuleName)
        (void)symbols.rename(source, "qfmt_old_kernels");
    for (gpu::GPUModuleOp source : sources)
      merger.take(source);
    module.walk([&](gpu::LaunchFuncOp launch) {
      auto known = merger.renamed.find(launch.getKernelAttr());
      if (known != merger.renamed.end())
        launch.setKernelAttr(known->second);
    });
  }
};

} // namespace
} // namespace mlir::qfmt
