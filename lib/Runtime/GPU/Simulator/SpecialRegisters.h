//===- SpecialRegisters.h - %tid and its kin --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_LIB_RUNTIME_GPU_SIMULATOR_SPECIALREGISTERS_H
#define QFMT_LIB_RUNTIME_GPU_SIMULATOR_SPECIALREGISTERS_H

#include "llvm/ADT/StringRef.h"
#include <optional>

namespace mlir::qfmt::sim {

struct Site;

/// Of "read.ptx.sreg.x": where Thread holds it, in bytes.
std::optional<unsigned> findThreadField(llvm::StringRef name);
/// Those that are computed.
bool findSpecialRegister(llvm::StringRef name, Site &site);

} // namespace mlir::qfmt::sim

#endif // QFMT_LIB_RUNTIME_GPU_SIMULATOR_SPECIALREGISTERS_H
