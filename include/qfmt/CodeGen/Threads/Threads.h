// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many threads code is generated for.

#ifndef QFMT_CODEGEN_THREADS_THREADS_H
#define QFMT_CODEGEN_THREADS_THREADS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/CommandLine.h"

namespace mlir::qfmt {

/// More are taken for a mistake.
constexpr int64_t kMaxThreads = 1024;

/// What options that ask for threads take.
constexpr bool isNumThreads(int64_t count) {
  return count >= 1 && count <= kMaxThreads;
}

/// How many processors this process may run on; at most kMaxThreads.
int64_t getNumProcessors();

/// The value of an option that asks for threads: a number, or `auto` for as
/// many as the process that compiles may run on processors.
struct ThreadCount {
  ThreadCount(int64_t value = 0) : value(value) {}
  operator int64_t() const { return value; }

  int64_t value;
};

inline llvm::raw_ostream &operator<<(llvm::raw_ostream &os, ThreadCount count) {
  return os << count.value;
}

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

namespace llvm::cl {

template <>
class parser<mlir::qfmt::ThreadCount>
    : public basic_parser<mlir::qfmt::ThreadCount> {
public:
  using basic_parser::basic_parser;

  bool parse(Option &option, StringRef name, StringRef argument,
             mlir::qfmt::ThreadCount &count);
  StringRef getValueName() const override { return "number or auto"; }
  void printOptionDiff(const Option &option, mlir::qfmt::ThreadCount count,
                       const OptionValue<mlir::qfmt::ThreadCount> &defaultCount,
                       size_t globalWidth) const;
  void anchor() override;
};

} // namespace llvm::cl

#endif // QFMT_CODEGEN_THREADS_THREADS_H
