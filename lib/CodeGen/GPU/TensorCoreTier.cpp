// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "TensorCoreTier.h"

namespace mlir::qfmt {

FailureOr<bool> usesTensorCores(ModuleOp module, StringRef tier) {
  if (!llvm::is_contained({"auto", "mma", "wgmma", "portable"}, tier))
    return emitError(module.getLoc())
           << "there is no tier '" << tier
           << "' of products; there are auto, mma, wgmma and portable";
  if (tier == "portable")
    return false;
  std::optional<GpuTarget> target = GpuTarget::get(module);
  bool hasMmaSync = target && target->hasMmaSync();
  if (hasMmaSync && (tier != "wgmma" || target->hasWgmma()))
    return true;
  if (tier == "auto")
    return false;
  InFlightDiagnostic error = emitError(module.getLoc());
  if (!target)
    return error << "qfmt-set-gpu-target has not said which chip products are "
                    "for";
  if (tier == "wgmma")
    return error << "'" << target->chip
                 << "' has no wgmma, which sm_90a alone has; the nearest tier "
                    "that it has is "
                 << (hasMmaSync ? "mma" : "portable");
  return error << "'" << target->chip
               << "' has no mma.sync for bytes, which sm_80 is the first to "
                  "have; the nearest tier that it has is portable";
}

FailureOr<GpuTarget> getTensorCoreTarget(Operation *op) {
  std::optional<GpuTarget> target = GpuTarget::get(op);
  if (!target || !target->hasMmaSync())
    return op->emitOpError("needs a target with mma.sync for bytes, sm_80 or "
                           "newer; qfmt-set-gpu-target says which it is");
  return *target;
}

} // namespace mlir::qfmt
