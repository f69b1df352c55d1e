// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code that chooses, when it is first called, one of several versions of a
// function by what the machine can do.

#ifndef QFMT_LIB_RUNTIME_VERSIONDISPATCH_H
#define QFMT_LIB_RUNTIME_VERSIONDISPATCH_H

#include "CpuidFeatures.h"
#include "llvm/IR/Module.h"

namespace mlir::qfmt {

/// One version, a function of the module.
struct CodeVersion {
  std::string name, function;
  CpuidRequirement requirement;
  /// Whether it needs the system's permission to use AMX tiles.
  bool usesTiles = false;
};

/// Adds to a module for x86-64 Linux, whose functions `versions` (best first)
/// names:
///
/// - `int name(...)`: calls the first version that the machine can run, and
///   returns what that returns; 1 if there is none. The environment variable
///   QFMT_VERSION, if set, names the only one to take.
/// - `const char *name_version(void)`: the name of that version, null if there
///   is none.
///
/// The versions become internal functions. `name` may be called from several
/// threads at once.
void addVersionDispatch(llvm::Module &module, StringRef name,
                        ArrayRef<CodeVersion> versions);

} // namespace mlir::qfmt

#endif // QFMT_LIB_RUNTIME_VERSIONDISPATCH_H
