// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What compiled code computes as the bytes of a buffer.

#ifndef QFMT_RUNTIME_GPU_ALLOCATIONSIZE_H
#define QFMT_RUNTIME_GPU_ALLOCATIONSIZE_H

#include "ErrorSlot.h"
#include <cstdint>

namespace qfmt::gpu {

/// Fails where a size is negative, or the product of sizes too large for 64
/// bits: then there is no number of bytes to be out of memory for.
inline bool verifyAllocationSize(uint64_t bytes) {
  if (bytes <= INT64_MAX)
    return true;
  fail("a buffer of " + std::to_string(int64_t(bytes)) +
       " bytes: a size that the program computes is negative, or its bytes are "
       "2^63 or more");
  return false;
}

} // namespace qfmt::gpu

#endif // QFMT_RUNTIME_GPU_ALLOCATIONSIZE_H
