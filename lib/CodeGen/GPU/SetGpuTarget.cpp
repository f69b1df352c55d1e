//===- SetGpuTarget.cpp - The GPU code is generated for -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  any module.
// Output: the same with the attribute qfmt_gpu.target.
//
//===----------------------------------------------------------------------===//

#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_SETGPUTARGET
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

struct SetGpuTargetPass : impl::SetGpuTargetBase<SetGpuTargetPass> {
  using SetGpuTargetBase::SetGpuTargetBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<GpuTarget> target =
        GpuTarget::create(module.getLoc(), runtime, chip);
    if (failed(target))
      return signalPassFailure();
    target->set(module);
  }
};

} // namespace
} // namespace mlir::qfmt
