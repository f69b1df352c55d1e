// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The files that qfmt-run reads and writes.

#ifndef QFMT_TOOLS_QFMT_RUN_ARRAYS_H
#define QFMT_TOOLS_QFMT_RUN_ARRAYS_H

#include "Options.h"
#include "qfmt/Runtime/Npy.h"
#include "llvm/Support/ToolOutputFile.h"

namespace mlir::qfmt {

/// Reads and checks the arrays that --inputs names; with --samples all have as
/// many as the first.
LogicalResult readInputs(const Options &options,
                         const FunctionSignature &signature,
                         SmallVectorImpl<NpyArray> &arrays);

/// How often the function is called.
int64_t getNumSamples(const Options &options, ArrayRef<NpyArray> inputs);

/// The part of each array that sample number `index` is.
SmallVector<TensorView> getSample(const Options &options,
                                  ArrayRef<NpyArray> inputs, int64_t index);

/// Files that stay only if all of them could be written.
class OutputFiles {
public:
  LogicalResult write(StringRef path,
                      llvm::function_ref<void(llvm::raw_ostream &)> print);
  void keep();

private:
  SmallVector<std::unique_ptr<llvm::ToolOutputFile>> files;
};

} // namespace mlir::qfmt

#endif // QFMT_TOOLS_QFMT_RUN_ARRAYS_H
