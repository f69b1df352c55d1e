// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// AMX tiles are state that Linux keeps only for processes that ask for it.

#ifndef QFMT_RUNTIME_TILEPERMISSION_H
#define QFMT_RUNTIME_TILEPERMISSION_H

namespace mlir::qfmt {

/// Asks the system for AMX tiles, once for the process and the threads that it
/// starts. False if they are denied, or there are none; an AMX instruction then
/// ends the process.
bool requestTilePermission();

/// The system call's number and arguments on x86-64 Linux, which code compiled
/// ahead of time makes itself: arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA).
inline constexpr long kArchPrctl = 158;
inline constexpr long kRequestPermission = 0x1023;
inline constexpr long kTileData = 18;

} // namespace mlir::qfmt

#endif // QFMT_RUNTIME_TILEPERMISSION_H
