// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How much memory this machine has: what takes more is refused with a
// diagnostic before the allocation that would end the program.

#ifndef QFMT_SUPPORT_MACHINEMEMORY_H
#define QFMT_SUPPORT_MACHINEMEMORY_H

#include <cstdint>
#include <optional>

namespace mlir::qfmt {

/// Bytes of all of it; none if the system does not say.
std::optional<int64_t> getMachineMemory();

} // namespace mlir::qfmt

#endif // QFMT_SUPPORT_MACHINEMEMORY_H
