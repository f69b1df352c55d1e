//===- main.cpp - Kernels of the CPU against limits and peers -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the machine can do (Peak.cpp), and what the compiler makes of matrix
// products of bytes (Products.cpp), of products with weights of few bits
// (ScaledProducts.cpp) and of convolutions (Convolutions.cpp), beside the same
// by oneDNN and ggml where the benchmark was built with them. One thread, and
// ours in two, beside two copies of the limits.
//
//   qfmt-benchmark-cpu --benchmark_filter=-2threads \
//     --benchmark_repetitions=12 --benchmark_enable_random_interleaving=true \
//     --benchmark_out=cpu.json --benchmark_out_format=json
//   benchmark/cpu/table.py cpu.json
//
// and the same with 2threads, apart from these: OpenMP's threads spin after a
// call, in CPU time of the process (KMP_BLOCKTIME says how long).
//
// The table has medians of the ratios of each repetition, as speeds of a
// machine drift. Rates count the CPU time of the process, not the time that
// passes, which means less on a machine that others use.
//
//===----------------------------------------------------------------------===//

#include "Harness.h"
#include "mlir/IR/MLIRContext.h"
#include "qfmt/Pipelines/Pipelines.h"
#include <benchmark/benchmark.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

int main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 1;
#ifdef __GLIBC__
  // Results are allocated anew in each call, the peers' once: keep their pages.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
  mlir::DialectRegistry registry;
  mlir::qfmt::registerPipelineDialects(registry);
  mlir::MLIRContext context(registry);
  registerPeaks();
  registerFloatPeaks();
  registerProducts(context);
  registerScaledProducts(context);
  registerConvolutions(context);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
