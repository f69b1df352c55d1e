//===- LoweredKernel.h - One kernel of a function, simulated ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A function on tensors whose code is one kernel: the kernel as text, which a
// test may change, and calls of it on the simulated device without code of the
// host.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_UNITTESTS_CODEGEN_GPU_LOWEREDKERNEL_H
#define QFMT_UNITTESTS_CODEGEN_GPU_LOWEREDKERNEL_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include <memory>
#include <string>
#include <vector>

namespace mlir::qfmt {

using Bytes = std::vector<char>;

/// With the dialects of both projects.
MLIRContext &getGpuContext();

class LoweredKernel {
public:
  /// `function` is the text of a function @main, `addPasses` adds what makes
  /// gpu.launch of linalg on tensors, in two steps: on tensors and on buffers.
  LoweredKernel(const std::string &function, const std::string &chip,
                llvm::function_ref<void(OpPassManager &)> addTensorPasses,
                llvm::function_ref<void(OpPassManager &)> addBufferPasses);

  /// The body of the gpu.module; the kernel is 'k'. Empty after an error, which
  /// has failed the test.
  const std::string &getText() const { return text; }

  /// The text after `change`, of a copy.
  std::string change(llvm::function_ref<void(gpu::GPUFuncOp)> change);

  /// The host's code, which a test may change.
  ModuleOp getHost() { return *module; }

  /// Makes the device run `kernels`, the text or what a test has made of it.
  void load(const std::string &kernels);

  /// Calls the kernel for `inputs`, the function's arguments, or the first
  /// elements of them: dimensions of unknown size have `unknownSize` elements.
  /// Returns the error, and the result otherwise. The block has
  /// `missingSharedBytes` less of shared memory than the host's code says.
  std::string run(llvm::ArrayRef<Bytes> inputs, int64_t unknownSize,
                  Bytes &result, int seed = 0, int64_t missingSharedBytes = 0);

private:
  OwningOpRef<ModuleOp> module;
  std::string text;
  std::shared_ptr<void> loaded;
};

} // namespace mlir::qfmt

#endif // QFMT_UNITTESTS_CODEGEN_GPU_LOWEREDKERNEL_H
