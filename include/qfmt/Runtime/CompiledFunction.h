// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A function compiled for this machine, ready to be called from C++:
//
//   CompileOptions options;
//   options.lowering = buildCompilePipeline;
//   auto compiled = CompiledFunction::compile(module, options);
//   if (failed(compiled)) ...                       // diagnostics were emitted
//   (*compiled)->call({image.data()}, {logits.data()});

#ifndef QFMT_RUNTIME_COMPILEDFUNCTION_H
#define QFMT_RUNTIME_COMPILEDFUNCTION_H

#include "qfmt/Runtime/CodeGenerator.h"

namespace llvm::orc {
class LLJIT;
}

namespace mlir::qfmt {

/// A row-major buffer of the caller.
struct TensorView {
  const void *data;
  ArrayRef<int64_t> shape;
};

/// A row-major result of a call.
struct TensorResult {
  void *data;
  SmallVector<int64_t> shape;
  /// Frees the memory in which `data` lies.
  std::shared_ptr<void> owner;
};

class CompiledFunction {
public:
  /// Lowers a copy of `module`, compiles it, loads it into this process and
  /// registers `options.symbols`. Errors are diagnostics.
  static FailureOr<std::unique_ptr<CompiledFunction>>
  compile(ModuleOp module, const CompileOptions &options);
  ~CompiledFunction();

  const FunctionSignature &getSignature() const { return signature; }

  /// Buffers in the order of the signature, in its layout; sizes are the
  /// caller's promise. Inputs are only read. Safe to call from several threads.
  SmallVector<TensorResult> call(ArrayRef<TensorView> inputs) const;

  /// The same for functions whose shapes are all static; results are copied to
  /// `outputs`.
  void call(ArrayRef<const void *> inputs, ArrayRef<void *> outputs) const;

private:
  CompiledFunction() = default;

  FunctionSignature signature;
  /// What the code refers to by address.
  std::unique_ptr<char, void (*)(void *)> weights{nullptr, nullptr};
  std::unique_ptr<llvm::orc::LLJIT> jit;
  void (*entry)(void **) = nullptr;
  /// What the code wants to be called in the end.
  void (*finalizer)() = nullptr;
};

} // namespace mlir::qfmt

#endif // QFMT_RUNTIME_COMPILEDFUNCTION_H
