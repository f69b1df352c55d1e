// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Targets.h"
#include "AmxEmulator.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "gtest/gtest.h"
#include <cstring>

namespace mlir::qfmt {

bool canRun(const Target &target) {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  return llvm::Triple(llvm::sys::getProcessTriple()).isX86() &&
         (!*target.feature || features.lookup(target.feature)) &&
         (!*target.features || enableAmx());
}

FailureOr<std::unique_ptr<CompiledFunction>>
compileFor(const Target &target, ModuleOp module,
           std::function<void(OpPassManager &)> lowering) {
  CompileOptions options;
  options.cpu = target.cpu;
  options.features = target.features;
  options.requestTiles = enableAmx;
  options.optLevel = target.optLevel;
  options.lowering = std::move(lowering);
  return CompiledFunction::compile(module, options);
}

void checkBytes(const Target &target, ModuleOp module,
                std::function<void(OpPassManager &)> lowering,
                ArrayRef<TensorView> inputs, ArrayRef<char> expected) {
  SCOPED_TRACE(target.name);
  auto function = compileFor(target, module, std::move(lowering));
  ASSERT_TRUE(succeeded(function));
  SmallVector<TensorResult> results = (*function)->call(inputs);
  ASSERT_EQ(std::memcmp(results[0].data, expected.data(), expected.size()), 0);
}

SmallVector<TensorView> makeViews(ArrayRef<std::vector<char>> buffers,
                                  ArrayRef<SmallVector<int64_t>> shapes) {
  SmallVector<TensorView> views;
  for (auto [buffer, shape] : llvm::zip_equal(buffers, shapes))
    views.push_back({buffer.data(), shape});
  return views;
}

} // namespace mlir::qfmt
