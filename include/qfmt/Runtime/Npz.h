// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// numpy's archives of arrays (.npz): zip files of .npy files, stored or
// deflated, as numpy.savez and numpy.savez_compressed write them.

#ifndef QFMT_RUNTIME_NPZ_H
#define QFMT_RUNTIME_NPZ_H

#include "qfmt/Runtime/Npy.h"

namespace mlir::qfmt {

struct NamedArray {
  /// Without the suffix ".npy".
  std::string name;
  NpyArray array;
};

/// The arrays in the order of the archive. Errors name the file and what is
/// wrong with it: it is missing, is no zip file, is cut short, has a damaged
/// or encrypted member, is larger than 4 GiB (zip64), or has a member that
/// readNpy would refuse. Deflated members need a build with zlib.
llvm::Expected<std::vector<NamedArray>> readNpz(StringRef path);

/// Stored, not deflated. Fails if the archive would have 4 GiB or more, or 2^16
/// arrays or more.
llvm::Error writeNpz(llvm::raw_ostream &os, ArrayRef<NamedArray> arrays);

} // namespace mlir::qfmt

#endif // QFMT_RUNTIME_NPZ_H
