//===- Assembly.h - Inline PTX ----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR and LLVM write some instructions as inline assembly. It is parsed into
// statements
//
//   @!p opcode {a, b}, [c + 8, {d, e}], 7;
//
// and each of them is bound to a handler of the intrinsics, or to one of its
// own. Registers are 64 bits wide: first the operands $0, $1, ..., then what
// the text declares.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_ASSEMBLY_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_ASSEMBLY_H

#include "Operations.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::qfmt::sim {

/// A register or a number.
struct AssemblyValue {
  /// Or -1: a number; -2: nothing ("_").
  int reg = -1;
  uint64_t number = 0;
  bool isNegated = false;
};

/// "{a, b}" and "[a, {b, c}]" have several values.
using AssemblyOperand = llvm::SmallVector<AssemblyValue, 2>;

struct AssemblyStatement {
  std::string opcode;
  llvm::SmallVector<AssemblyOperand, 4> operands;
  bool hasPredicate = false;
  AssemblyValue predicate;
  /// Of bra.
  std::string label;
  int target = -1;

  // Bound.
  Site site;
  std::vector<AssemblyValue> sources;
  std::vector<int> results;
};

struct AssemblyProgram {
  std::vector<AssemblyStatement> statements;
  unsigned numOutputs = 0, numRegisters = 0;
  /// For each input, the output that shares its register, or -1.
  std::vector<int> ties;
};

/// More than any instruction has.
constexpr unsigned kMaxRegisters = 640;

/// Fills in everything but what bindAssembly does. False, with a reason, for
/// what is not understood.
bool parseAssembly(llvm::StringRef text, llvm::StringRef constraints,
                   AssemblyProgram &program, std::string &problem);
/// Finds the handler of each statement.
bool bindAssembly(AssemblyProgram &program, std::string &problem);
/// Both; makes `site` run it.
bool findAssembly(llvm::StringRef text, llvm::StringRef constraints, Site &site,
                  std::string &problem);

/// lop3, prmt, cvt, and so on: the opcode alone says everything.
bool findScalarInstruction(llvm::StringRef opcode, Site &site);

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_ASSEMBLY_H
