// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The first error of a GPU runtime, until qfmtGpuError() tells it.

#ifndef QFMT_RUNTIME_GPU_ERRORSLOT_H
#define QFMT_RUNTIME_GPU_ERRORSLOT_H

#include <cstddef>
#include <string>

namespace qfmt::gpu {

/// Keeps `message` unless an earlier one has not been told yet. Returns null,
/// for functions that return pointers.
std::nullptr_t fail(const std::string &message);

/// Whether there is an error that has not been told.
bool hasFailed();

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_ERRORSLOT_H
