// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kinds of x86-64 processors that kernels are tested for. Those that this
// machine lacks are left out; AMX is emulated where it is missing.

#ifndef QFMT_UNITTESTS_CODEGEN_CPU_TARGETS_H
#define QFMT_UNITTESTS_CODEGEN_CPU_TARGETS_H

#include "mlir/Pass/PassManager.h"
#include "qfmt/CodeGen/CPU/Passes.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include <functional>
#include <memory>
#include <vector>

namespace mlir::qfmt {

struct Target {
  const char *name;
  /// LLVM's name of a processor, and the feature of this machine it needs;
  /// none if empty.
  const char *cpu, *feature;
  unsigned optLevel;
  DotInstructions instructions = DotInstructions::Auto;
  /// Features beside the processor's.
  const char *features = "";
};

inline constexpr Target kPlainO0{"plain-O0", "x86-64", "", 0,
                                 DotInstructions::Plain};
inline constexpr Target kSse2O0{"sse2-O0", "x86-64", "", 0};
inline constexpr Target kSse2{"sse2", "x86-64", "", 2};
inline constexpr Target kAvx2{"avx2", "haswell", "avx2", 2};
inline constexpr Target kAvx512{"avx512", "skylake-avx512", "avx512bw", 2};
inline constexpr Target kVnni256{"vnni256", "cascadelake", "avx512vnni", 2,
                                 DotInstructions::Vnni256};
inline constexpr Target kVnni{"vnni", "cascadelake", "avx512vnni", 2};
inline constexpr Target kVbmi{"vbmi", "icelake-server", "avx512vbmi", 2};
inline constexpr Target kAmxTiles{
    "amx", "cascadelake",         "avx512vnni",
    2,     DotInstructions::Auto, "+amx-int8,+amx-tile"};
inline constexpr Target kAmxTilesO0{
    "amx-O0", "cascadelake",         "avx512vnni",
    0,        DotInstructions::Auto, "+amx-int8,+amx-tile"};

/// True if this machine runs, or emulates, what the target has.
bool canRun(const Target &target);

/// Compiles `module` for `target` by the passes that `lowering` adds.
FailureOr<std::unique_ptr<CompiledFunction>>
compileFor(const Target &target, ModuleOp module,
           std::function<void(OpPassManager &)> lowering);

/// Compiles likewise, calls the function and compares the bytes of its result.
void checkBytes(const Target &target, ModuleOp module,
                std::function<void(OpPassManager &)> lowering,
                ArrayRef<TensorView> inputs, ArrayRef<char> expected);

/// Row-major buffers, each with its shape.
SmallVector<TensorView> makeViews(ArrayRef<std::vector<char>> buffers,
                                  ArrayRef<SmallVector<int64_t>> shapes);

} // namespace mlir::qfmt

#endif // QFMT_UNITTESTS_CODEGEN_CPU_TARGETS_H
