// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many threads code is generated for.

#ifndef QFMT_CODEGEN_THREADS_THREADS_H
#define QFMT_CODEGEN_THREADS_THREADS_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::qfmt {

/// More are taken for a mistake.
constexpr int64_t kMaxThreads = 1024;

/// Of a module: the number of threads (i64, 2 to kMaxThreads) among which loops
/// are divided, if there is more than one. qfmt-set-threads writes it,
/// qfmt-distribute-loops is the last to read it.
constexpr llvm::StringLiteral kThreadsAttr = "qfmt_cpu.threads";

/// What the module around `op` says; 1 if it says nothing.
int64_t getNumThreads(Operation *op);

/// A thread more pays if it does so many cycles' work: starting threads and
/// waiting for them takes a few microseconds.
constexpr double kMinCyclesPerThread = 20000;

/// How many of `available` threads pay for work of so many cycles; at least 1.
int64_t chooseThreads(double cycles, int64_t available);

} // namespace mlir::qfmt

#endif // QFMT_CODEGEN_THREADS_THREADS_H
