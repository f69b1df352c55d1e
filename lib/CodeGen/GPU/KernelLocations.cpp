//===- KernelLocations.cpp - A place in a file for every operation --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  kernels in the LLVM dialect, with locations of any kind.
// Output: the same with locations that are places in files, which is all that
//         LLVM's debug information has: what has a name alone, a layer of a
//         network, is line 1 of a file of that name.
// Upstream's ensure-debug-info-scope-on-llvm-func (LLVM 22) crashes on inlined
// calls, whose locations become their callees'.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "qfmt/CodeGen/GPU/Passes.h"

namespace mlir::qfmt {

#define GEN_PASS_DEF_KERNELLOCATIONS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

/// The first place in a file, else the first name; null if there is neither.
FileLineColLoc getPlace(Location loc) {
  FileLineColLoc place;
  StringAttr name;
  loc->walk([&](Location part) {
    if (auto found = dyn_cast<FileLineColLoc>(part)) {
      place = found;
      return WalkResult::interrupt();
    }
    if (auto named = dyn_cast<NameLoc>(part); named && !name)
      name = named.getName();
    return WalkResult::advance();
  });
  if (!place && name)
    place = FileLineColLoc::get(name, 1, 1);
  return place;
}

bool hasCallSite(Location loc) {
  return loc
      ->walk([](Location part) {
        return isa<CallSiteLoc>(part) ? WalkResult::interrupt()
                                      : WalkResult::advance();
      })
      .wasInterrupted();
}

struct KernelLocationsPass : impl::KernelLocationsBase<KernelLocationsPass> {
  void runOnOperation() override {
    // The host's part, too, is what upstream's pass walks.
    getOperation()->walk([](Operation *op) {
      if (!hasCallSite(op->getLoc()))
        return;
      FileLineColLoc place = getPlace(op->getLoc());
      op->setLoc(place ? Location(place) : UnknownLoc::get(op->getContext()));
    });
    for (auto kernels : getOperation().getOps<gpu::GPUModuleOp>())
      for (auto function : kernels.getOps<LLVM::LLVMFuncOp>()) {
        FileLineColLoc own = getPlace(function.getLoc());
        if (!own)
          own = FileLineColLoc::get(function.getSymNameAttr(), 1, 1);
        function->walk([&](Operation *op) {
          FileLineColLoc place = getPlace(op->getLoc());
          op->setLoc(place ? place : own);
        });
      }
  }
};

} // namespace
} // namespace mlir::qfmt
