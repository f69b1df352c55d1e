//===- Kernel.h - A kernel and the places in it -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_KERNEL_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_KERNEL_H

#include "llvm/ADT/StringRef.h"
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace mlir::qfmt::sim {

struct Site;

/// Implements an operation: each argument and each result in one or more words
/// of 64 bits, zero-extended.
using Handler = void (*)(const Site &site, const uint64_t *arguments,
                         uint64_t *results);

/// The bitcode as it was loaded, to show the instruction of an error.
struct ProgramText {
  std::string bitcode;
  std::string describe(llvm::StringRef function, unsigned instruction) const;
};

/// An instruction that the simulator handles, or looks at.
struct Site {
  const ProgramText *text = nullptr;
  std::string function;
  /// Number of the instruction in its function.
  unsigned instruction = 0;

  // Of accesses to memory.
  uint32_t bytes = 0, alignment = 1;
  bool isWrite = false, isAtomic = false;

  // Of operations.
  std::string name;
  Handler handler = nullptr;
  /// Of a statement of inline assembly: the whole.
  const Site *whole = nullptr;
  /// Threads wait for others in it.
  bool isBlocking = false;
  /// What the name says, as the operation's kind sees fit.
  int64_t fields[8] = {};
  std::shared_ptr<const void> table;
  /// Forgets what was read of a name that means something else.
  void clearFields() { std::fill(std::begin(fields), std::end(fields), 0); }

  std::string describe() const {
    return text ? text->describe(function, instruction) : std::string();
  }
};

/// A variable in shared memory.
struct SharedVariable {
  uint64_t offset, bytes;
};

/// A variable of the module that is not in shared memory.
struct GlobalRange {
  uint64_t begin, bytes;
  bool isConstant;
};

struct Kernel {
  std::string name;
  void (*entry)(void **parameters) = nullptr;
  bool needsFibers = false;
  /// Whether an argument is a structure, of which the address is passed.
  std::vector<bool> isByValue;
  std::vector<SharedVariable> shared;
  uint64_t staticSharedBytes = 0;
  /// Where dynamic shared memory begins, at least.
  uint64_t dynamicOffset = 0;
  /// All of its module.
  const std::vector<GlobalRange> *globals = nullptr;
};

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_KERNEL_H
