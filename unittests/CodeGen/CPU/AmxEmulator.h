// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs machine code with AMX instructions on x86-64 processors without AMX:
// what LLVM has made is executed as it is, and each AMX instruction, which such
// a processor refuses, is computed in a signal handler.

#ifndef QFMT_UNITTESTS_CODEGEN_CPU_AMXEMULATOR_H
#define QFMT_UNITTESTS_CODEGEN_CPU_AMXEMULATOR_H

#include <cstdint>

namespace mlir::qfmt {

/// True if code with AMX instructions can be called from now on: the processor
/// and the system have AMX and let this process use it, or it is emulated. The
/// emulator keeps one set of tiles; code that uses them is for one thread.
bool enableAmx();

/// Products of tiles that the emulator has computed; 0 where the processor
/// does.
uint64_t getNumEmulatedProducts();

/// True if enableAmx() has installed the emulator.
bool isAmxEmulated();

} // namespace mlir::qfmt

#endif // QFMT_UNITTESTS_CODEGEN_CPU_AMXEMULATOR_H
