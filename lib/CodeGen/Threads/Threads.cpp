// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/CodeGen/Threads/Threads.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Threading.h"
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

int64_t getNumProcessors() {
  // Counts those of the process's affinity.
  int64_t count = llvm::hardware_concurrency().compute_thread_count();
  return std::clamp<int64_t>(count, 1, kMaxThreads);
}

int64_t chooseThreads(double cycles, int64_t available) {
  double worthwhile = std::min(cycles / kMinCyclesPerThread, double(available));
  return std::max<int64_t>(int64_t(worthwhile), 1);
}

} // namespace mlir::qfmt

namespace llvm::cl {

using mlir::qfmt::ThreadCount;

void parser<ThreadCount>::anchor() {}

bool parser<ThreadCount>::parse(Option &option, StringRef name,
                                StringRef argument, ThreadCount &count) {
  if (argument == "auto") {
    count = mlir::qfmt::getNumProcessors();
    return false;
  }
  if (to_integer(argument, count.value, 10))
    return false;
  return option.error(
      "'" + argument + "' value invalid: it is a number or auto", name);
}

void parser<ThreadCount>::printOptionDiff(const Option &option,
                                          ThreadCount count,
                                          const OptionValue<ThreadCount> &,
                                          size_t globalWidth) const {
  printOptionName(option, globalWidth);
  outs() << "= " << count << "\n";
}

} // namespace llvm::cl
