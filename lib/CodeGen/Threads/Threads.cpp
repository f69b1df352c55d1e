// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Threads/Threads.h"
#include <algorithm>

namespace mlir::qfmt {

int64_t getNumThreads(Operation *op) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module)
    module = op->getParentOfType<ModuleOp>();
  auto count =
      module ? module->getAttrOfType<IntegerAttr>(kThreadsAttr) : IntegerAttr();
  return count ? std::clamp<int64_t>(count.getInt(), 1, kMaxThreads) : 1;
}

int64_t chooseThreads(double cycles, int64_t available) {
  double worthwhile = std::min(cycles / kMinCyclesPerThread, double(available));
  return std::max<int64_t>(int64_t(worthwhile), 1);
}

} // namespace mlir::qfmt
