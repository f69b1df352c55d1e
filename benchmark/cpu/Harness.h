// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all cases share: modules from text with random constants, and their
// registration with Google Benchmark.

#ifndef QFMT_BENCHMARK_CPU_HARNESS_H
#define QFMT_BENCHMARK_CPU_HARNESS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include <functional>
#include <memory>
#include <random>
#include <string>

/// What a case counts; 0 if it does not count it.
struct Work {
  /// Products of two numbers, each with an addition.
  double macs = 0;
  /// Bytes that have to be read: of constants, of a buffer.
  double bytes = 0;
};

/// A case ready to run, or why it cannot.
struct Prepared {
  std::function<void()> run;
  std::string error;
  /// Appears beside the figures: what a peer calls the code it has chosen.
  std::string label;
};

/// Registers `name`. `prepare` is called once, when the case first runs; one
/// run is one iteration. Rates count the CPU time of the process or, for
/// several threads, the time that passes.
void registerCase(const std::string &name, Work work,
                  std::function<Prepared()> prepare,
                  bool countsWallTime = false);

/// `text` with each constant that repeats one value replaced by random values
/// (of its element type, see fillConstants), compiled for this machine or for
/// `cpu`, by the pipeline that takes IR of any level, for so many threads. Null
/// after a diagnostic.
std::shared_ptr<mlir::qfmt::CompiledFunction>
compileText(mlir::MLIRContext &context, const std::string &text,
            llvm::StringRef cpu = "", int64_t threads = 1);

/// Constants that are splats of integers become random: those of i32 as their
/// splat says (1: a bias, 2: a multiplier of dyadic_scale, 3: its shift), codes
/// of fewer bits from all that they have, or -1, 0 and 1 if the splat is 1 and
/// they have two bits. Floats of 2.0 become random codes of all finite numbers,
/// others scales: those of f16 and f32 around 0.01, of 8-bit floats near 1.
void fillConstants(mlir::ModuleOp module);

/// Random bytes.
std::vector<char> makeBytes(size_t size);
/// Random numbers of mean 0 and standard deviation 1.
std::vector<float> makeFloats(size_t size);

/// A case that calls `function` on one input.
Prepared prepareCall(std::shared_ptr<mlir::qfmt::CompiledFunction> function,
                     std::shared_ptr<std::vector<char>> input,
                     llvm::ArrayRef<int64_t> shape);

/// The cases of each file.
void registerPeaks();
void registerFloatPeaks();
void registerProducts(mlir::MLIRContext &context);
void registerScaledProducts(mlir::MLIRContext &context);
void registerConvolutions(mlir::MLIRContext &context);

#endif // QFMT_BENCHMARK_CPU_HARNESS_H
