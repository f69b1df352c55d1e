//===- ProgramText.cpp - Showing the instruction of an error --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bitcode is read again when there is something to show: correct programs
// pay nothing.
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/DebugInfoMetadata.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace mlir::qfmt::sim {

std::string ProgramText::describe(StringRef function,
                                  unsigned instruction) const {
  LLVMContext context;
  Expected<std::unique_ptr<Module>> module =
      parseBitcodeFile(MemoryBufferRef(bitcode, "kernel"), context);
  if (!module) {
    consumeError(module.takeError());
    return "";
  }
  Function *found = (*module)->getFunction(function);
  if (!found)
    return "";
  unsigned number = 0;
  for (const Instruction &candidate : instructions(found)) {
    if (number++ != instruction)
      continue;
    std::string result;
    raw_string_ostream stream(result);
    stream << "; at ";
    if (const DebugLoc &location = candidate.getDebugLoc())
      stream << location->getFilename() << ":" << location->getLine() << ":"
             << location->getColumn() << ", ";
    stream << "instruction " << instruction << " of '" << function << "':";
    candidate.print(stream);
    return result;
  }
  return "";
}

} // namespace mlir::qfmt::sim
