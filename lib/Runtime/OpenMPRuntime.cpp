// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "OpenMPRuntime.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/DynamicLibrary.h"

namespace mlir::qfmt {

/// What starts the threads.
static constexpr const char *kFork = "__kmpc_fork_call";

bool usesOpenMP(const llvm::Module &module) {
  return module.getFunction(kFork) != nullptr;
}

LogicalResult loadOpenMP(Location loc, StringRef path) {
  using llvm::sys::DynamicLibrary;
  // Two runtimes in one process would have two sets of threads.
  if (DynamicLibrary::SearchForAddressOfSymbol(kFork))
    return success();
  SmallVector<std::string> names;
  if (!path.empty()) {
    names.push_back(path.str());
  } else {
#ifdef QFMT_OPENMP_LIBRARY
    names.push_back(QFMT_OPENMP_LIBRARY);
#endif
    names.push_back("libomp.so.5");
  }
  std::string message;
  for (const std::string &name : names)
    if (!DynamicLibrary::LoadLibraryPermanently(name.c_str(), &message)) {
      if (DynamicLibrary::SearchForAddressOfSymbol(kFork))
        return success();
      message = name + " does not define " + kFork;
    }
  return emitError(loc) << "code for several threads needs LLVM's OpenMP "
                           "runtime, which cannot be loaded: "
                        << message
                        << "; install it (libomp-22-dev on Debian), or compile "
                           "for one thread";
}

} // namespace mlir::qfmt
